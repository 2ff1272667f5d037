// The command line as a function: the commands in order, and what their errors become.
#pragma once

namespace qat::cli {

// Parses the words, runs the command and returns the exit code (base/error.h; 130 after Ctrl-C, whatever the command
// had got to). An error is one line on stderr. Nothing is thrown.
int run(int argc, const char* const* argv);

}  // namespace qat::cli
