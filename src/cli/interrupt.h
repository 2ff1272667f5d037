// Ctrl-C: the first one sets a flag, so that work is saved or left in order; a second one quits at
// once with 130.
#pragma once

namespace qat::cli {

inline constexpr int kInterruptedExit = 130;

// Installs the handlers of SIGINT and SIGTERM; ignores SIGPIPE, so that a closed pipe loses no work, and SIGXFSZ, so
// that a write past the limit on a file's size (ulimit -f) fails like one to a full disk.
void watch_signals();

// What the command does then is to save: the message on the terminal says so.
void saves_when_interrupted();

// A launcher sends each Ctrl-C on to its processes, which have had the terminal's: two within two seconds are one.
void interrupts_are_relayed();

bool interrupted();

}  // namespace qat::cli
