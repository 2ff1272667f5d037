// Keys of the timing cache: the machine and what decides a kernel's speed, shapes and codings, not values.
#pragma once

#include <span>
#include <string>

#include "engine/compile/trial.h"

namespace qat::engine {

// Of one step at the optimal shape, among these candidates: another table of kernels is another question. A kernel's
// own entry is "KEY|kernel".
std::string tactic_key(const Plan& plan, const Step& step, const std::vector<Extents>& extents, int threads,
                       std::span<const Candidate> candidates);

// Of a whole plan at its optimal shape: the hash of all its steps' keys.
std::string plan_key(const Plan& plan, int threads);

// To significant digits. Three: what trials compare, since more of them are noise.
double rounded_time(double microseconds, int digits = 3);

}  // namespace qat::engine
