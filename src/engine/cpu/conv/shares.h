// How evenly the members of a team share units: blocks of rows, each times some panels.
#pragma once

#include <algorithm>
#include <cstdint>

namespace qat::kernels {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Of the member that has most to do.
struct LargestShare {
  LargestShare(int64_t members, int64_t blocks, int64_t panels) : units(ceil_div(blocks * panels, members)) {
    const bool even = units % panels == 0 || panels % units == 0;
    met = even ? ceil_div(units, panels) : units / panels + 2;
  }
  int64_t units;
  int64_t met;  // blocks
};

}  // namespace qat::kernels
