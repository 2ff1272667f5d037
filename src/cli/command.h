// What a command of `qat` is: its flags as data, and the function that runs it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/console.h"
#include "config/config.h"

namespace qat::cli {

// A long option. Flags of configuration keys set these; the others are read with Args.
struct Flag {
  std::string name;   // "--saveEngine"
  std::string value;  // what it takes, as help shows it: "FILE"; "" for a switch
  std::string help;
  std::string sets;  // "BUILD.ENGINE" for a value, "BUILD.PRECISION=int8" for a switch; "" for none
};

// Flags given that set no key, and the words that are no overrides.
struct Args {
  std::map<std::string, std::string> flags;  // switches have the value ""
  std::vector<std::string> operands;

  bool has(const std::string& name) const { return flags.contains(name); }
  std::string text(const std::string& name, const std::string& otherwise = "") const;
  // Throws Error(kUsage) naming the flag when the value is no number >= min.
  double number(const std::string& name, double otherwise, double min = 0) const;
  std::string operand(size_t index) const { return index < operands.size() ? operands[index] : ""; }
};

struct Context {
  Args args;
  config::Config config;
  Console console;

  const config::Options& options() const { return config.options; }
};

struct Command {
  std::string name;
  std::string summary;
  std::string operands;  // as help shows them: "[MODEL]"
  size_t max_operands = 0;
  std::vector<Flag> flags;
  int (*run)(Context&) = nullptr;  // returns the exit code; throws Error
};

Command train_command();
Command calibrate_command();
Command convert_command();
Command build_command();
Command eval_command();
Command bench_command();
Command report_command();
Command inspect_command();
Command compare_command();
Command config_command();

}  // namespace qat::cli
