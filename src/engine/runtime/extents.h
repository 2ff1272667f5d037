// Extents of every tensor of a plan for one input shape.
#pragma once

#include <vector>

#include "engine/plan/plan.h"

namespace qat::engine {

struct Extents {
  int64_t n = 1, h = 1, w = 1;

  int64_t pixels() const { return n * h * w; }
  bool operator==(const Extents&) const = default;
};

// By tensor id. Throws Error(kUsage), naming the step, where the shape does not fit the network: a window larger than
// its image, a Gemm behind an image of another size, a sum of unequal shapes.
std::vector<Extents> infer_extents(const Plan& plan, const InputShape& shape);

// Throws Error(kUsage) naming the extent that lies outside the plan's profile, with the profile.
void check_profile(const Plan& plan, const InputShape& shape);

}  // namespace qat::engine
