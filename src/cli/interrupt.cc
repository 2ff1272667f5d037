// Ctrl-C: see interrupt.h.
#include "cli/interrupt.h"

#include <unistd.h>

#include <csignal>

namespace qat::cli {

namespace {

volatile std::sig_atomic_t g_interrupts = 0;

void on_signal(int) {
  if (g_interrupts != 0) _exit(kInterruptedExit);
  g_interrupts = 1;
  constexpr char kText[] = "\nsaving; once more to quit at once\n";
  // Nothing to do about a failed write in a signal handler.
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kText, sizeof kText - 1);
}

}  // namespace

void watch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

bool interrupted() { return g_interrupts != 0; }

}  // namespace qat::cli
