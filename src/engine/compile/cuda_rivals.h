// Choice among kernels whose trials came out close, by the time of the whole network on the GPU.
#pragma once

#include "engine/compile/tactics.h"

namespace qat::engine {

inline constexpr std::string_view kWholeNetwork = "whole_network";  // what --disable-pass calls it

// Kernels of one packed form for the steps of one problem; the first is the one that the steps name.
struct Rivals {
  std::vector<size_t> steps;
  std::vector<std::string> kernels;
  double milliseconds = 0;  // of one step, by the first one's trial
};

// A trial times a kernel behind copies of itself; in the network it runs behind another one, whose blocks it starts
// beside and whose output it finds in the cache. So each rival takes the first one's place in the network in turn and
// keeps it where the whole gets faster; the problems that take most of the time come first. Nothing is measured past
// request.tactic_seconds. Updates the steps, and in the report the layers, a pass and a note.
void settle_rivals(Draft& draft, const BuildRequest& request, const std::string& gpu, std::vector<Rivals> rivals,
                   TimingCache& cache, BuildReport& report);

}  // namespace qat::engine
