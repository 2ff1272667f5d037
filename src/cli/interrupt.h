// Ctrl-C: the first one sets a flag, so that work is saved or left in order; a second one, two seconds later or
// more, quits at once with 130.
#pragma once

namespace qat::cli {

inline constexpr int kInterruptedExit = 130;

// Installs the handlers of SIGINT and SIGTERM; ignores SIGPIPE, so that a closed pipe loses no work.
void watch_signals();

// What the command does then is to save: the message on the terminal says so.
void saves_when_interrupted();

bool interrupted();

}  // namespace qat::cli
