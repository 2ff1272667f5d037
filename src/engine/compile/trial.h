// A trial of one kernel: a step alone, bound to memory of its own at the optimal shape, and timed.
#pragma once

#include <string>
#include <vector>

#include "engine/compile/draft.h"
#include "engine/runtime/extents.h"
#include "engine/runtime/team.h"

namespace qat::engine {

// A kernel that this machine runs and that does the step.
struct Candidate {
  std::string name;
  Isa isa;
  size_t packed_bytes = 0;
};
std::vector<Candidate> candidates(const Plan& plan, const Step& step, const std::vector<Extents>& extents);

// Packs plain weights for a kernel; `packed` is 64-byte aligned and zeroed.
void pack_weights(const Plan& plan, const Step& step, const std::vector<Extents>& extents, const std::string& kernel,
                  const Tensor& weights, void* packed);

// Seconds of one run by a kernel: the least of a few. Stops early past `give_up` seconds.
double time_kernel(const Draft& draft, size_t step, const std::vector<Extents>& extents, const Candidate& candidate,
                   Team& team, double give_up);

// The same for the step as a float convolution of the float library (NHWC f32); nothing without the library.
std::optional<double> time_float(const Draft& draft, size_t step, const std::vector<Extents>& extents, int threads);

}  // namespace qat::engine
