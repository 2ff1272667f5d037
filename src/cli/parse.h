// From argv to a command and what it was given.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace qat::cli {

struct Parsed {
  const Command* command = nullptr;
  Context context;
};

// Throws Error(kUsage) for anything unknown, with the nearest spelling. For --help and --version the text is printed
// to stdout and nothing returned.
std::optional<Parsed> parse(const std::vector<Command>& commands, int argc, const char* const* argv);

}  // namespace qat::cli
