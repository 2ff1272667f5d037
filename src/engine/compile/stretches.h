// A plan cut where a schedule (plan.h, StepGroup) may change.
#pragma once

#include <vector>

#include "engine/plan/plan.h"

namespace qat::engine {

// Images at a time; 0: the whole batch.
using Way = int64_t;

// Steps [first, last) after which one tensor alone is alive, or the plan ends; all of them cover the plan.
struct Stretch {
  size_t first, last;
  bool tiles;  // may it run in tiles?
};

std::vector<Stretch> stretches(const Plan& plan);

inline bool possible(const Stretch& s, Way way) { return way == 0 || s.tiles; }

// The schedule of stretches that run in such ways, by stretch: neighbours of one way become one group.
std::vector<StepGroup> groups(const std::vector<Stretch>& all, const std::vector<Way>& ways);

}  // namespace qat::engine
