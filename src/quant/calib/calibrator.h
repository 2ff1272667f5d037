// Calibration: streaming histograms of |x| in fixed memory, and the calibrators that choose a range from one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace qat::quant {

// What a histogram is made of; counted elsewhere, on a GPU for example.
struct HistogramParts {
  std::vector<int64_t> counts;  // Histogram::kBins
  int exponent = 0;             // bin width 2^exponent: the smallest that holds max, and at least 2^-112
  int64_t total = 0, zeros = 0, not_finite = 0;
  float max = 0;
  bool negative = false;
};

// Counts |x| in kBins bins of a power-of-two width: bin i holds [i, i + 1) width. When a value does not fit, the width
// doubles and neighbours merge, exactly. So the result is a function of the multiset of values: neither the order of
// batches matters nor how they are split among threads. The
// largest value lies in the upper half of the bins.
class Histogram {
 public:
  static constexpr int kBins = 4096;

  Histogram() = default;
  explicit Histogram(HistogramParts parts);

  void add(std::span<const float> values);
  void merge(const Histogram& other);

  bool empty() const { return total_ == 0; }
  int64_t total() const { return total_; }            // finite values, zeros included
  int64_t zeros() const { return zeros_; }            // exact zeros, also counted in bin 0
  int64_t not_finite() const { return not_finite_; }  // NaN and infinities: in no bin
  float max() const { return max_; }                  // exact largest |x|
  bool negative() const { return negative_; }         // any x < 0
  double bin_width() const;
  std::span<const int64_t> counts() const { return counts_; }  // kBins of them, none while empty

 private:
  void grow_to(float max);
  void add_slowly(std::span<const float> values);

  std::vector<int64_t> counts_;
  int exponent_ = kMinExponent;  // width = 2^exponent
  int64_t total_ = 0, zeros_ = 0, not_finite_ = 0;
  float max_ = 0;
  bool negative_ = false;

  // Below it 2^-exponent would leave the range of f32; values under 2^-100 share bins.
  static constexpr int kMinExponent = -112;
};

struct RangeChoice {
  float amax = 0;
  std::string calibrator;  // the one chosen: differs from the one asked for with "auto"
  double clipped = 0;      // share of values beyond amax
  double snr_db = 0;       // 10 log10(E[x^2] / E[(x - q(x))^2]) estimated on the histogram; 0 where all is zero
};

// max | percentile | mse | entropy | auto. percentile: of values inside the range, in (0, 100]; the other calibrators
// ignore it. An empty or all-zero histogram gives amax 0. Throws Error(kUsage) on an unknown name or percentile.
RangeChoice choose_range(const Histogram& histogram, const std::string& calibrator, double percentile);

// Names of the calibrators, in the order of the table.
std::vector<std::string> calibrator_names();

// E[(x - q(x))^2] for s = amax / 127, levels to 127 on both sides (a tensor without negative values has the 127 of
// [0, amax]). Values lie uniformly in their bin: the rounding error inside the range and the clipping error outside are
// integrated exactly. amax > 0. Sums over bins are made once and serve every range: 128 cells cost 2 us a range, 4096
// bins would 35.
class RangeError {
 public:
  explicit RangeError(const Histogram& histogram);
  double operator()(float amax) const;

 private:
  struct Moments {
    double n = 0, x = 0, xx = 0;  // sums of 1, x and x^2 over the values below a bin
  };
  double end_of(size_t bin) const;
  double of_bins(size_t begin, size_t end, double level) const;  // of whole bins that quantize to `level`
  double of_split_bin(size_t bin, double s) const;

  double width_, max_;
  int64_t total_;
  std::vector<double> bins_;  // counts without exact zeros, which have no error
  std::vector<Moments> sums_;
};
double expected_error(const Histogram& histogram, float amax);  // of one range

// Per-channel |w| maxima of a weight [K, ...] (axis 0) or [C, K, ...] (axis 1).
std::vector<float> weight_amax(std::span<const float> weight, std::span<const int64_t> shape, int axis);

}  // namespace qat::quant
