// Cutting a schedule: see tiles.h.
#include "engine/runtime/tiles.h"

#include <algorithm>

namespace qat::engine {

namespace {

constexpr int64_t kMostTiles = 512;  // of a group: each has bound steps of its own

bool in_group(const TiledGroup& g, size_t step) { return step >= g.first && step < g.last; }

std::vector<int> local_tensors(const Plan& plan, const std::vector<TiledGroup>& groups) {
  std::vector<int> local(plan.tensors.size(), -1);
  for (size_t g = 0; g < groups.size(); ++g) {
    for (size_t i = groups[g].first; i < groups[g].last; ++i)
      local[static_cast<size_t>(plan.steps[i].output)] = static_cast<int>(g);
  }
  std::vector<bool> read(plan.tensors.size(), false);
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    for (const int32_t id : plan.steps[i].inputs) {
      if (id < 0) continue;
      int& group = local[static_cast<size_t>(id)];
      read[static_cast<size_t>(id)] = true;
      if (group >= 0 && !in_group(groups[static_cast<size_t>(group)], i)) group = -1;
    }
  }
  for (size_t id = 0; id < local.size(); ++id) local[id] = read[id] ? local[id] : -1;
  return local;
}

}  // namespace

Tiling cut(const Plan& plan, const std::vector<Extents>& extents) {
  Tiling tiling;
  for (const StepGroup& planned : plan.schedule) {
    const int64_t batch = extents[static_cast<size_t>(plan.steps[static_cast<size_t>(planned.first)].output)].n;
    const int64_t images = std::max<int64_t>(planned.images, (batch + kMostTiles - 1) / kMostTiles);
    const int64_t tiles = (batch + images - 1) / images;
    if (tiles == 1) continue;
    tiling.groups.push_back({.first = static_cast<size_t>(planned.first),
                             .last = static_cast<size_t>(planned.last),
                             .images = images,
                             .tiles = tiles});
  }
  tiling.local = local_tensors(plan, tiling.groups);
  return tiling;
}

}  // namespace qat::engine
