// Runs trtexec: see trtexec.h.
#include "cli/trtexec.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/outputs.h"
#include "cli/engines.h"

namespace qat::cli {

namespace {

// What trtexec has no flag for; dropped without a word, it would give another engine or other output than asked for.
void refuse_ours(const Context& context) {
  const auto refuse = [](const std::string& what, const char* instead) {
    fail(Code::kUsage, what, " is not for --backend=tensorrt: trtexec has no such flag; ", instead);
  };
  for (const char* key : {"BUILD.THREADS", "BUILD.DISABLE_PASS", "BUILD.INPUT"}) {
    if (context.config.sources.contains(key)) {
      refuse(cat(key, " (", context.config.source(key), ")"), "leave it out, or build with --backend=qat");
    }
  }
  if (context.args.has("--json")) refuse("--json", "its output is its own");
  if (context.args.has("--quiet")) refuse("--quiet", "its output is its own");
}

// The types that the user allows; without a word trtexec decides.
void add_precision(const Context& context, std::vector<std::string>& command) {
  const std::string& precision = context.options().build.precision;
  std::vector<std::string> given;
  for (const char* flag : {"--int8", "--fp16", "--bf16", "--best"}) {
    if (context.args.has(flag)) given.emplace_back(flag);
  }
  const bool several = given.size() > 1 && precision == "best";
  const bool said = context.config.sources.contains("BUILD.PRECISION") && precision != "fp32";
  if (!several) given = said ? std::vector{"--" + precision} : std::vector<std::string>{};
  command.insert(command.end(), given.begin(), given.end());
}

}  // namespace

std::vector<std::string> trtexec_command(const Context& context) {
  refuse_ours(context);
  const config::BuildOptions& build = context.options().build;
  std::vector<std::string> command{"trtexec", cat("--onnx=", onnx_path(context.options()).string()),
                                   cat("--saveEngine=", engine_path(context.options()).string())};
  const auto add = [&command](const char* flag, const std::string& value) {
    if (!value.empty()) command.push_back(cat(flag, '=', value));
  };
  add("--shapes", context.args.text("--shapes"));
  add("--minShapes", build.min_shapes);
  add("--optShapes", build.opt_shapes);
  add("--maxShapes", build.max_shapes);
  add("--timingCacheFile", build.timing_cache);
  add_precision(context, command);
  if (context.args.has("--verbose")) command.push_back("--verbose");
  return command;
}

void run_trtexec(const Context& context) {
  std::vector<std::string> command = trtexec_command(context);
  make_folder_of(engine_path(context.options()));
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int error = posix_spawnp(&child, argv[0], nullptr, nullptr, argv.data(), environ);
  if (error == ENOENT) {
    fail(Code::kFailure, "trtexec is not in PATH; install TensorRT, or build our own engine with --backend=qat");
  }
  if (error != 0) fail(Code::kFailure, "cannot run trtexec: ", std::strerror(error));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) fail(Code::kFailure, "trtexec was ended by signal ", WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) fail(Code::kFailure, "trtexec failed with its exit code ", WEXITSTATUS(status));
}

}  // namespace qat::cli
