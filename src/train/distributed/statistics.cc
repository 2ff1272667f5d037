// One collective for all that there is: see statistics.h.
#include "train/distributed/statistics.h"

#include <algorithm>
#include <cmath>

namespace qat::train {

void join_moments(Group& group, std::vector<Moments>& moments, double& rows) {
  std::vector<double> sums{rows};
  for (const Moments& m : moments) {
    sums.push_back(rows * m.mean);
    sums.push_back(rows * (m.variance + m.mean * m.mean));
  }
  group.sum(sums);
  rows = sums[0];
  for (size_t c = 0; c < moments.size(); ++c) {
    const double mean = sums[1 + 2 * c] / rows, squares = sums[2 + 2 * c] / rows;
    const double variance = squares - mean * mean;
    moments[c] = {mean, variance < 0 ? 0.0 : variance};  // NaN stays
  }
}

void join_sums(Group& group, std::vector<double>& a, std::vector<double>& b, double& rows) {
  std::vector<double> sums{rows};
  sums.insert(sums.end(), a.begin(), a.end());
  sums.insert(sums.end(), b.begin(), b.end());
  group.sum(sums);
  rows = sums[0];
  std::copy_n(sums.begin() + 1, a.size(), a.begin());
  std::copy_n(sums.begin() + 1 + static_cast<std::ptrdiff_t>(a.size()), b.size(), b.begin());
}

void average(Group& group, const std::vector<std::span<float>>& values) {
  std::vector<float> all;
  for (const std::span<float> part : values) all.insert(all.end(), part.begin(), part.end());
  group.sum(all);
  size_t at = 0;
  for (const std::span<float> part : values) {
    for (float& value : part) value = all[at++] / static_cast<float>(group.size());
  }
}

std::string move_ranges(Group* group, const std::vector<RangePeak>& peaks, float momentum) {
  std::vector<const Quantizer*> quants;
  std::vector<float> largest;
  for (const RangePeak& seen : peaks) {
    const auto same = [&](const Quantizer* q) { return q->range == seen.quant->range; };
    const auto found = std::find_if(quants.begin(), quants.end(), same);
    const auto i = static_cast<size_t>(found - quants.begin());
    if (found == quants.end()) quants.push_back(seen.quant), largest.push_back(seen.peak);
    largest[i] = std::max(largest[i], seen.peak);
  }
  if (group != nullptr) group->largest(largest);
  std::string not_finite;
  for (size_t i = 0; i < quants.size(); ++i) {
    float& range = quants[i]->range[0];
    const float seen = quants[i]->kind == ir::RangeKind::kAmax ? largest[i] : largest[i] / 127.0f;
    range = range == 0.0f ? seen : range + momentum * (seen - range);
    if (!std::isfinite(range) && not_finite.empty()) not_finite = quants[i]->name;
  }
  return not_finite;
}

}  // namespace qat::train
