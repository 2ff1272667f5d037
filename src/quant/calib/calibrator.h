// Calibration: streaming histograms of |x| in fixed memory, and the calibrators that choose a range from one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace qat::quant {

// Counts |x| in kBins bins of a power-of-two width; when a value does not fit, the width doubles and neighbours merge.
// The result is a function of the multiset of values: the order of batches does not matter, nor how they are split
// among threads.
class Histogram {
 public:
  static constexpr int kBins = 4096;

  void add(std::span<const float> values);
  void merge(const Histogram& other);

  bool empty() const { return total_ == 0; }
  int64_t total() const { return total_; }  // finite values, zeros included
  int64_t not_finite() const { return not_finite_; }
  float max() const { return max_; }           // exact largest |x|
  bool negative() const { return negative_; }  // any x < 0
  double bin_width() const;
  std::span<const int64_t> counts() const { return counts_; }

 private:
  std::vector<int64_t> counts_;
  int exponent_ = 0;  // width = 2^exponent
  int64_t total_ = 0, not_finite_ = 0;
  float max_ = 0;
  bool negative_ = false;
};

struct RangeChoice {
  float amax = 0;
  std::string calibrator;  // the one chosen
  double clipped = 0;      // share of values beyond amax
  double snr_db = 0;       // 10 log10(E[x^2] / E[(x - q(x))^2]) estimated on the histogram
};

// max | percentile | mse | entropy | auto. Throws Error(kUsage) on an unknown name.
RangeChoice choose_range(const Histogram& histogram, const std::string& calibrator, double percentile);

// E[(x - q(x))^2] on the histogram for a range, values uniform inside a bin: rounding error inside, clipping error
// outside.
double expected_error(const Histogram& histogram, float amax);

// Per-channel |w| maxima of a weight [K, ...] (axis 0) or [C, K, ...] (axis 1).
std::vector<float> weight_amax(std::span<const float> weight, std::span<const int64_t> shape, int axis);

}  // namespace qat::quant
