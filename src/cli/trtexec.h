// TensorRT where it is installed: runs its trtexec with the flags of build.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace qat::cli {

// The command line for BUILD.* and --shapes.
std::vector<std::string> trtexec_command(const Context& context);

// Runs it and returns its exit code. Throws Error(kFailure) with the remedy when trtexec is not in PATH.
int run_trtexec(const Context& context);

}  // namespace qat::cli
