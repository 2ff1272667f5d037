// Runs trtexec: see trtexec.h.
#include "cli/trtexec.h"

#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "cli/engines.h"

extern char** environ;

namespace qat::cli {

std::vector<std::string> trtexec_command(const Context& context) {
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
  if (build.precision != "fp32") command.push_back("--" + build.precision);
  if (context.args.has("--verbose")) command.push_back("--verbose");
  return command;
}

int run_trtexec(const Context& context) {
  std::vector<std::string> command = trtexec_command(context);
  std::vector<char*> argv;
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
  return WIFEXITED(status) ? WEXITSTATUS(status) : static_cast<int>(Code::kFailure);
}

}  // namespace qat::cli
