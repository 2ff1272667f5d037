// Places buffers with known lifetimes in one arena.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace qat::engine {

struct Lifetime {
  size_t bytes = 0;
  int first = 0, last = 0;  // steps, inclusive
};

struct ArenaPlan {
  std::vector<size_t> offsets;  // by buffer, multiples of 64
  size_t bytes = 0;
};

// Greedy by size: the largest buffer first, each into the tightest gap among those alive at the same time. On
// convolutional networks this comes within a few per cent of the largest sum of live bytes (Pisarchyk, Lee: Efficient
// memory management for deep neural net inference, 2020).
ArenaPlan plan_arena(const std::vector<Lifetime>& buffers);

}  // namespace qat::engine
