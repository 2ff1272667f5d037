// The expected quantization error of a range: bins inside one cell of the grid by their moments, the others by
// integral.
#include <algorithm>
#include <cmath>

#include "quant/calib/calibrator.h"

namespace qat::quant {

namespace {

constexpr double kTopLevel = 127;

// F(x) = integral from 0 to x of (t - q(t))^2: a full cell gives s^3 / 12, and within the cell of level k it is a cubic
// around k s. Past the last level the same cubic is the clipping error.
double integral(double x, double s) {
  const auto k =
      static_cast<double>(static_cast<int>(std::min(x / s + 0.5, kTopLevel)));  // x >= 0: truncation is floor
  const double rest = x - k * s;
  return k * s * s * s / 12 + rest * rest * rest / 3;
}

}  // namespace

RangeError::RangeError(const Histogram& h) : width_(h.bin_width()), max_(h.max()), total_(h.total()) {
  const size_t used = h.counts().empty() ? 0 : static_cast<size_t>(max_ / width_) + 1;
  bins_.reserve(used);
  sums_.reserve(used + 1);
  sums_.push_back({});
  for (size_t i = 0; i < used; ++i) {
    const double begin = static_cast<double>(i) * width_, end = end_of(i);
    const auto n = static_cast<double>(h.counts()[i] - (i == 0 ? h.zeros() : 0));
    const double middle = (begin + end) / 2, spread = (end - begin) * (end - begin) / 12;
    const Moments& before = sums_.back();
    sums_.push_back({.n = before.n + n, .x = before.x + n * middle, .xx = before.xx + n * (middle * middle + spread)});
    bins_.push_back(n);
  }
}

// The last bin ends at the largest value.
double RangeError::end_of(size_t bin) const { return std::min(static_cast<double>(bin + 1) * width_, max_); }

double RangeError::of_bins(size_t begin, size_t end, double level) const {
  const Moments &a = sums_[begin], &b = sums_[end];
  return (b.xx - a.xx) - 2 * level * (b.x - a.x) + level * level * (b.n - a.n);
}

double RangeError::of_split_bin(size_t bin, double s) const {
  const double begin = static_cast<double>(bin) * width_, end = end_of(bin);
  if (bins_[bin] == 0) return 0;
  if (end > begin) return bins_[bin] * (integral(end, s) - integral(begin, s)) / (end - begin);
  const double off = begin - std::min(std::nearbyint(begin / s), kTopLevel) * s;  // the largest value alone
  return bins_[bin] * off * off;
}

double RangeError::operator()(float amax) const {
  const double s = static_cast<double>(amax) / kTopLevel;
  double sum = 0;
  int k = 0;        // the level
  size_t next = 0;  // the first bin not yet in the sum
  for (; k < kTopLevel; ++k) {
    const double edge = (k + 0.5) * s;
    if (edge > max_) break;
    const auto bin = static_cast<size_t>(edge / width_);
    if (bin < next) continue;  // this cell ends in the bin in which an earlier one does
    sum += of_bins(next, bin, k * s) + of_split_bin(bin, s);
    next = bin + 1;
  }
  if (next < bins_.size()) sum += of_bins(next, bins_.size(), k * s);
  // Differences of sums may be a rounding below zero.
  return std::max(0.0, sum) / static_cast<double>(std::max<int64_t>(total_, 1));
}

double expected_error(const Histogram& h, float amax) { return RangeError(h)(amax); }

}  // namespace qat::quant
