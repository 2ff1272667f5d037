// Statistics and ranges that ranks hold together. A group of nullptr is one process.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "train/distributed/group.h"
#include "train/ranges.h"

namespace qat::train {

// Of one channel.
struct Moments {
  double mean = 0, variance = 0;  // biased
};

// Those of all ranks' values; rows: of this rank, then of all.
void join_moments(Group& group, std::vector<Moments>& moments, double& rows);

// Sums per channel over all ranks; rows as above.
void join_sums(Group& group, std::vector<double>& a, std::vector<double>& b, double& rows);

// Each value becomes its mean over the ranks: running statistics, which are linear in those of the batches.
void average(Group& group, const std::vector<std::span<float>>& values);

// The largest magnitude that the quantizers of one range saw in a forward pass.
struct RangePeak {
  const Quantizer* quant = nullptr;
  float peak = 0;
};

// Moves each range after the forward pass, RangeMode::kMoving: towards the largest peak of all its quantizers on all
// ranks. Returns the name of the first range that is NaN or infinite then, or "".
std::string move_ranges(Group* group, const std::vector<RangePeak>& peaks, float momentum);

}  // namespace qat::train
