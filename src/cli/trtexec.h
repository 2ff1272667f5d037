// TensorRT where it is installed: runs its trtexec with the flags of build.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace qat::cli {

// The command line for BUILD.* and --shapes: the flags that the user gave. Throws Error(kUsage) for options that
// trtexec does not have.
std::vector<std::string> trtexec_command(const Context& context);

// Runs it. Throws Error(kFailure) when it fails, whatever its exit code, and with the remedy when it is not in PATH.
void run_trtexec(const Context& context);

}  // namespace qat::cli
