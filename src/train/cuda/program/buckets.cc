// A walk over the leaves from the last to the first: see buckets.h.
#include "train/cuda/program/buckets.h"

#include <algorithm>

#include "base/error.h"

namespace qat::train::cuda {

namespace {

constexpr int64_t kFirst = (int64_t{1} << 20) / 4, kOthers = (int64_t{25} << 20) / 4;  // floats

}  // namespace

std::vector<Bucket> make_buckets(const Leaves& leaves, const std::vector<size_t>& leaf_steps,
                                 const std::vector<size_t>& copy_steps) {
  std::vector<Bucket> buckets;
  int64_t end = leaves.trained_size();
  size_t step = SIZE_MAX, copies = copy_steps.size();
  for (size_t i = leaves.all().size(); i-- > 0;) {
    const Leaves::Leaf& leaf = leaves.all()[i];
    if (!leaf.trained) continue;
    step = std::min(step, leaf_steps[i]);
    const bool full = end - leaf.offset >= (buckets.empty() ? kFirst : kOthers);
    if (!full && leaf.offset > 0) continue;
    // The bucket waits for its earliest step; copies that are complete by then are converted for it.
    Bucket bucket{.step = step, .end_copy = copies, .offset = leaf.offset, .size = end - leaf.offset};
    while (copies > 0 && copy_steps[copies - 1] >= step) --copies;
    if (leaf.offset == 0) copies = 0;  // constants that are read before the first trained leaf: they have no gradient
    bucket.first_copy = copies;
    buckets.push_back(bucket);
    end = leaf.offset;
  }
  QAT_ASSERT(buckets.empty() || (end == 0 && copies == 0));
  return buckets;
}

}  // namespace qat::train::cuda
