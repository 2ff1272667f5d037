// How often in a second a team does a piece of work at most: what peaks are measured by (runtime/roofline.h).
//
// The best of a dozen attempts, each of as many rounds as the best so far does in two milliseconds on its core. Work
// from registers is counted by the time that each member has its core, so that a busy machine does not lower it: the
// sum over the members of rounds / core time. Bytes are counted by the clock on the wall, from the first member's start
// to the last one's end: members that wait for their cores do not read at once, and each would have the others' share
// of the memory's rate, too. So is everything where the cores' clock is too coarse for two milliseconds.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/runtime/team.h"

namespace qat::engine {

// The work of one member: `rounds` of a loop, or `rounds` passes over `size` bytes.
struct PeakWork {
  void (*loop)(int64_t rounds) = nullptr;
  void (*read)(const std::byte* data, size_t size) = nullptr;  // either
  int64_t rounds = 1;                                          // of the first attempt
  const std::byte* data = nullptr;                             // of member 0; the others' follow
  size_t size = 0;
};

struct PeakClocks {
  double (*wall)() = nullptr;  // seconds
  double (*core)() = nullptr;  // seconds that the calling thread has had its core
  double core_tick = 0;        // by which core() goes on
};
PeakClocks machine_clocks();

struct PeakRate {
  double rounds = 0;  // per second, of all members together, each on a core of its own
  double spread = 0;  // by how much half of the attempts fall short of it, by the clock on the wall
};
PeakRate peak_rate(Team& team, const PeakWork& work, const PeakClocks& clocks);

}  // namespace qat::engine
