// When gradients can be sent: flat ranges of the gradients' buffer, each complete at some point of the backward pass.
#pragma once

#include <cstddef>
#include <vector>

#include "train/cuda/program/leaves.h"

namespace qat::train::cuda {

// After the backward pass of step `step`, copies [first_copy, end_copy) of Weights are complete, and with them the
// gradients [offset, offset + size).
struct Bucket {
  size_t step = 0;
  size_t first_copy = 0, end_copy = 0;
  int64_t offset = 0, size = 0;
};

// In the order of the backward pass; they cover all trained leaves and all copies. leaf_steps: the first step that
// reads a leaf, by its place among `leaves`; copy_steps: that of each copy, rising. The first bucket is small, so that
// the first exchange starts early, the others are large enough to fill the links: 1 and 25 MiB, as c10d has them.
std::vector<Bucket> make_buckets(const Leaves& leaves, const std::vector<size_t>& leaf_steps,
                                 const std::vector<size_t>& copy_steps);

}  // namespace qat::train::cuda
