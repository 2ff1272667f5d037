// Choice among kernels whose trials came out close, by the time of the whole network on the GPU.
#pragma once

#include <functional>

#include "engine/compile/tactics.h"

namespace qat::engine {

inline constexpr std::string_view kWholeNetwork = "whole_network";  // what --disable-pass calls it

struct Rival {
  std::string kernel;
  double milliseconds = 0;  // of one step, by its trial
};

// Kernels of one packed form for the steps of one problem; the first is the one that the steps name.
struct Rivals {
  std::vector<size_t> steps;
  std::vector<Rival> kernels;
};

// Of a run at the optimal shape. GPU only; throws Error(kOutOfMemory).
double network_milliseconds(const Plan& plan);

struct RivalTrials {
  const BuildRequest& request;
  std::string gpu;  // its name, for the cache's keys
  std::vector<Rivals> rivals;
  std::function<double(const Plan&)> milliseconds = network_milliseconds;
};

// A trial times a kernel behind copies of itself; in the network it runs behind another one, whose blocks it starts
// beside and whose output it finds in the cache. So each rival takes the first one's place in the network in turn and
// keeps it where the whole gets faster; the problems that take most of the time come first. Nothing is measured past
// request.tactic_seconds (the next build from this cache goes on from there), and without memory for the whole network
// the first ones stay. Updates the steps, and in the report the layers, a pass and a note.
void settle_rivals(Draft& draft, RivalTrials trials, TimingCache& cache, BuildReport& report);

}  // namespace qat::engine
