// Commands and errors to an exit code: see run.h.
#include "cli/run.h"

#include <filesystem>
#include <new>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/interrupt.h"
#include "cli/parse.h"

namespace qat::cli {

namespace {

std::vector<Command> all_commands() {
  return {train_command(), calibrate_command(), convert_command(), build_command(),   eval_command(),
          bench_command(), report_command(),    inspect_command(), compare_command(), config_command()};
}

int out_of_memory() {
  print_error("out of memory; lower the batch size (TRAIN.BATCH, EVAL.BATCH, QUANT.BATCH), DATA.SIZE or DATA.WORKERS");
  return static_cast<int>(Code::kOutOfMemory);
}

// Foreign exceptions (LibTorch, OpenVINO) carry pages of text; their first line says what happened.
int unexpected(const std::exception& error) {
  const std::string text = error.what();
  for (const char* sign : {"can't allocate memory", "not enough memory", "bad_alloc", "out of memory"}) {
    if (text.find(sign) != std::string::npos) return out_of_memory();
  }
  print_error(text.substr(0, text.find('\n')));
  return static_cast<int>(Code::kFailure);
}

// The exit code, but for Ctrl-C.
int code_of(int argc, const char* const* argv) {
  try {
    const std::vector<Command> commands = all_commands();
    std::optional<Parsed> parsed = parse(commands, argc, argv);
    return parsed ? parsed->command->run(parsed->context) : 0;
  } catch (const Error& error) {
    if (*error.what() != '\0') print_error(error.what());  // empty: another process of the run says it
    return static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::filesystem::filesystem_error& error) {
    print_error(cat("cannot use ", error.path1().string(), ": ", error.code().message(), "; check the path"));
    return static_cast<int>(Code::kIo);
  } catch (const std::exception& error) {
    return unexpected(error);
  }
}

}  // namespace

int run(int argc, const char* const* argv) {
  const int code = code_of(argc, argv);
  // Stopped as asked; but what was done before the Ctrl-C took effect is done, and a save that failed, say, is a
  // failure.
  return code == static_cast<int>(Code::kFailure) && interrupted() ? kInterruptedExit : code;
}

}  // namespace qat::cli
