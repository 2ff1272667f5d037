// Ctrl-C: see interrupt.h.
#include "cli/interrupt.h"

#include <unistd.h>

#include <csignal>
#include <ctime>
#include <string_view>

namespace qat::cli {

namespace {

volatile std::sig_atomic_t g_interrupts = 0;
volatile std::sig_atomic_t g_saves = 0;
volatile std::sig_atomic_t g_first = 0;  // seconds
volatile std::sig_atomic_t g_relayed = 0;

// torchrun, mpirun and srun pass on the Ctrl-C that the terminal has sent already: that is one interrupt.
constexpr int kSameInterrupt = 2;  // seconds

int seconds_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int>(now.tv_sec);
}

void on_signal(int) {
  if (g_interrupts != 0) {
    if (g_relayed != 0 && seconds_now() - g_first < kSameInterrupt) return;
    _exit(kInterruptedExit);
  }
  g_first = seconds_now();
  g_interrupts = 1;
  constexpr std::string_view kSaving = "\nsaving; once more to quit at once\n";
  constexpr std::string_view kStopping = "\nstopping; once more to quit at once\n";
  const std::string_view text = g_saves != 0 ? kSaving : kStopping;
  // Nothing to do about a failed write in a signal handler.
  [[maybe_unused]] const auto written = write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

void watch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

void saves_when_interrupted() { g_saves = 1; }

void interrupts_are_relayed() { g_relayed = 1; }

bool interrupted() { return g_interrupts != 0; }

}  // namespace qat::cli
