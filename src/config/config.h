// A configuration: defaults, then a YAML file, then overrides of the command line; each value knows where it came from.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.h"

namespace qat::config {

struct Config {
  Options options;
  std::map<std::string, std::string> sources;  // key -> "configs/a.yaml:12" or "command line"; absent: the default

  std::string source(const std::string& key) const;  // "default" where absent
};

// Reads `file` ("" for none), then applies the overrides, then checks. Errors are kUsage, one line: file:line, the key,
// what was expected, the nearest known key.
Config load(const std::filesystem::path& file, const std::vector<std::string>& overrides);

// YAML: sections of keys, scalars and lists of scalars. `name` is what messages call the text. Refused: other nesting,
// duplicate keys, a second document, more than 1 MiB, nesting deeper than 64.
void apply_yaml(Config& config, std::string_view text, const std::string& name);

// yacs' "TRAIN.LR", "0.01" and "TRAIN.LR=0.01", mixed freely.
void apply_overrides(Config& config, const std::vector<std::string>& words);

// Whether a word of a command line is (the start of) an override: "TRAIN.LR", "TRAIN.LR=0.01", "OUTPUTS".
bool is_override(std::string_view word);

// What single keys cannot say: as many means as deviations, one per channel, four extents of a shape, ...
void check(const Options& options);

// Every key and value; apply_yaml of it gives the same options. Stored in checkpoints as metadata "config".
std::string to_yaml(const Options& options);

}  // namespace qat::config
