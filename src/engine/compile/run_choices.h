// Choices that a step alone cannot tell, by measurement of whole runs of a CPU plan: which steps run over some images
// at a time (plan.h, StepGroup), and where kernels that prepare much pay (cpu/kernel.h).
#pragma once

#include "engine/compile/tactics.h"

namespace qat::engine {

inline constexpr std::string_view kDepthFirst = "depth_first";  // what --disable-pass calls it

// Sets draft.plan.schedule and takes some of draft.alternatives, of a plan whose kernels are chosen. Runs the network
// under a few uniform schedules, with and without the alternatives, takes for each stretch between two points where a
// single tensor is alive the schedule that was fastest there, in it the faster kernel of each step, and keeps all that
// if the whole is faster with it. Does nothing for a budget of 0.
void choose_in_runs(Draft& draft, const BuildRequest& request, TimingCache& cache, BuildReport& report);

}  // namespace qat::engine
