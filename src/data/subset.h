// Part of a dataset: held-out validation images, and DATA.LIMIT.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/dataset.h"

namespace qat::data {

// The images `indices` of `whole`, in that order.
std::unique_ptr<Dataset> subset(std::shared_ptr<const Dataset> whole, std::vector<int64_t> indices);

// [0, n) divided by a fixed permutation: its first `held_out` elements and the rest, each ascending. Independent of any
// seed, so that no later run trains on images that an earlier one selected with.
struct HeldOut {
  std::vector<int64_t> train, validation;
};
HeldOut hold_out(int64_t n, int64_t held_out);

// `limit` of `indices`, evenly spread; all when limit is 0 or more than there are.
std::vector<int64_t> spread(const std::vector<int64_t>& indices, int64_t limit);

}  // namespace qat::data
