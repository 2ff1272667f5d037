// Choice of a depth-first schedule by measurement: which steps of a CPU plan run over some images at a time
// (plan.h, StepGroup).
#pragma once

#include "engine/compile/tactics.h"

namespace qat::engine {

inline constexpr std::string_view kDepthFirst = "depth_first";  // what --disable-pass calls it

// Sets draft.plan.schedule, of a plan whose kernels are chosen and packed. Runs the network under a few uniform
// schedules, takes for each stretch between two points where a single tensor is alive the one that was fastest there,
// and keeps the mixture if the whole is faster with it. Does nothing for a budget of 0.
void choose_schedule(Draft& draft, const BuildRequest& request, TimingCache& cache, BuildReport& report);

}  // namespace qat::engine
