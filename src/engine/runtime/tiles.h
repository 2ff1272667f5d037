// A plan's schedule cut for one shape: how many tiles each group takes, and which tensors need to hold one tile only.
#pragma once

#include <vector>

#include "engine/runtime/extents.h"

namespace qat::engine {

struct TiledGroup {
  size_t first, last;  // steps
  int64_t images;      // of a tile, but for the last one
  int64_t tiles;       // two or more
};

struct Tiling {
  std::vector<TiledGroup> groups;  // those of one tile are left out: it is the whole batch
  std::vector<int> local;          // by tensor: the group that makes it and alone reads it; -1: none
};

Tiling cut(const Plan& plan, const std::vector<Extents>& extents);

}  // namespace qat::engine
