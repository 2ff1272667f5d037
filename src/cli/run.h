// The command line as a function: the commands in order, and what their errors become.
#pragma once

namespace qat::cli {

// Parses the words, runs the command and returns the exit code (base/error.h; after Ctrl-C 130 where it would have been
// 1: a command that Ctrl-C stops fails so, one that had done its work all the same gives 0). An error is one line on
// stderr. Nothing is thrown.
int run(int argc, const char* const* argv);

}  // namespace qat::cli
