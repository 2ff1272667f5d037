// Runs the binary as a user does: see process.h.
#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>

namespace qat::e2e {

namespace fs = std::filesystem;

namespace {

constexpr int kPollMs = 5;

// In the child, after fork: never returns.
[[noreturn]] void become(const std::vector<std::string>& command, const RunOptions& options, int out, int err) {
  if (!options.stdout_to.empty()) out = open(options.stdout_to.c_str(), O_WRONLY | O_CREAT, 0644);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  if (!options.folder.empty() && chdir(options.folder.c_str()) != 0) _exit(126);
  for (const auto& [name, value] : options.env) setenv(name.c_str(), value.c_str(), 1);
  if (options.file_bytes > 0) {
    const rlimit limit{static_cast<rlim_t>(options.file_bytes), static_cast<rlim_t>(options.file_bytes)};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  _exit(127);
}

// Reads what is there; false at the end of the stream.
bool drain(int fd, std::string& into) {
  std::array<char, 65536> buffer{};
  const ssize_t n = read(fd, buffer.data(), buffer.size());
  if (n > 0) into.append(buffer.data(), static_cast<size_t>(n));
  return n > 0;
}

}  // namespace

Outcome run(const std::vector<std::string>& command, const RunOptions& options) {
  std::array<int, 2> out{}, err{};
  EXPECT_EQ(pipe2(out.data(), O_CLOEXEC), 0);
  EXPECT_EQ(pipe2(err.data(), O_CLOEXEC), 0);
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) become(command, options, out[1], err[1]);
  close(out[1]);
  close(err[1]);
  Outcome outcome;
  bool out_open = true, err_open = true;
  while (out_open || err_open) {
    std::array<pollfd, 2> fds{{{out_open ? out[0] : -1, POLLIN, 0}, {err_open ? err[0] : -1, POLLIN, 0}}};
    poll(fds.data(), fds.size(), options.meanwhile ? kPollMs : -1);
    if (fds[0].revents != 0) out_open = drain(out[0], outcome.out);
    if (fds[1].revents != 0) err_open = drain(err[0], outcome.err);
    if (options.meanwhile) options.meanwhile(child);
  }
  int status = 0;
  waitpid(child, &status, 0);
  close(out[0]);
  close(err[0]);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return outcome;
}

Outcome qat(std::vector<std::string> words, const RunOptions& options) {
  words.insert(words.begin(), QAT_BINARY);
  return run(words, options);
}

fs::path judge_python() {
  const fs::path path = fs::path(QAT_DEPS_DIR) / "venv" / "bin" / "python3";
  return fs::exists(path) ? path : fs::path();
}

Outcome python(const std::string& script, const std::vector<std::string>& arguments) {
  std::vector<std::string> command{judge_python().string(), "-c", script};
  command.insert(command.end(), arguments.begin(), arguments.end());
  // LibTorch of the wheel looks for CUDA's libraries in the wheels beside it.
  const std::string nvidia = std::string(QAT_DEPS_DIR) + "/venv/lib/python3.11/site-packages/nvidia/";
  return run(command, {.env = {{"LD_LIBRARY_PATH", nvidia + "cu13/lib:" + nvidia + "nvshmem/lib"}}});
}

::testing::AssertionResult fails_with(const Outcome& outcome, int code, const std::string& text) {
  const std::string last =
      outcome.err.substr(outcome.err.rfind("qat: ") == std::string::npos ? 0 : outcome.err.rfind("qat: "));
  const bool one_line = last.starts_with("qat: ") && last.find('\n') == last.size() - 1;
  if (outcome.code == code && one_line && last.find(text) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "expected exit code " << code << " and one line with \"" << text << "\", got "
                                       << outcome.code << "\nstdout: " << outcome.out << "\nstderr: " << outcome.err;
}

Folder::Folder() {
  std::string pattern = (fs::temp_directory_path() / "qat_e2e_XXXXXX").string();
  path = mkdtemp(pattern.data());
}

Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

bool can_train() { return fs::exists(fs::path(QAT_BINARY).parent_path() / "libqat_train.so"); }

bool slow_tests() {
  const char* value = std::getenv("QAT_SLOW_TESTS");
  return value != nullptr && std::string(value) == "1";
}

}  // namespace qat::e2e
