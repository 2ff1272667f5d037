// What train and calibrate share: see training.h.
#include "cli/training.h"

#include <unistd.h>

#include "cli/interrupt.h"

namespace qat::cli {

train::Report report_to(Console& console) {
  if (train::train_plugin().launched()) interrupts_are_relayed();
  return {.info = [&console](const std::string& line) { console.info(line); },
          .warn = [&console](const std::string& line) { console.warn(line); },
          .progress = [&console](const std::string& label, int64_t done, int64_t total,
                                 const std::string& detail) { console.progress(label, done, total, detail); },
          .interrupted = interrupted,
          .lost =
              [](const Error& error) {
                if (*error.what() != '\0') print_error(error.what());
                _exit(static_cast<int>(error.code()));
              }};
}

}  // namespace qat::cli
