// Every configuration key: its name, its place in Options, the values it takes and its help, in one table.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/options.h"

namespace qat::config {

using Field = std::variant<bool*, int64_t*, uint64_t*, double*, std::string*, std::vector<int64_t>*,
                           std::vector<double>*, std::vector<std::string>*>;

// The values a key takes. Numbers (and the items of lists): min <= x <= max, or min < x where above_min. Strings: one
// of choices, any when there are none.
struct Allowed {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool above_min = false;
  std::vector<std::string> choices;
};

struct Key {
  std::string name;  // "TRAIN.LR"
  Field (*field)(Options&);
  Allowed allowed;
  std::string help;
};

// In the order in which they are printed and dumped: by section.
const std::vector<Key>& keys();

const Key* find_key(std::string_view name);  // nullptr where there is none

// One line: "unknown key TRAIN.LRR; did you mean TRAIN.LR? `qat config` lists every key". `near` may be empty.
std::string unknown_key(std::string_view name);

}  // namespace qat::config
