// The calibrator "entropy": the range whose 128 levels keep most of the distribution's information (TensorRT's: Migacz,
// 8-bit inference with TensorRT, GTC 2017), kept from clipping what it must not.
#include <cmath>
#include <limits>

#include "quant/calib/calibrators.h"

namespace qat::quant {

namespace {

constexpr size_t kLevels = 128;  // of |q|
constexpr size_t kStep = 8;      // bins between candidates
// A candidate may lose 6 dB against max. A peak in the distribution (the background of an image, a clipped activation)
// otherwise pulls the range down to itself, because what is clipped onto a peak hardly changes it.
constexpr double kMostLoss = 4.0;

// Sums over bins [0, i), so that a candidate costs one logarithm a level instead of one a bin.
struct Prefix {
  std::vector<double> count, used, information;  // n, [n > 0], n log n

  explicit Prefix(const Histogram& h) : count(1, 0), used(1, 0), information(1, 0) {
    for (size_t i = 0; i < h.counts().size(); ++i) {
      // Exact zeros stay zero in every range: they say nothing about it.
      const auto n = static_cast<double>(h.counts()[i] - (i == 0 ? h.zeros() : 0));
      count.push_back(count.back() + n);
      used.push_back(used.back() + (n > 0 ? 1 : 0));
      information.push_back(information.back() + (n > 0 ? n * std::log(n) : 0));
    }
  }
};

// KL(P || Q) for a range of `bins` bins. P: the distribution with everything beyond added to the last bin. Q: what 128
// levels keep of it, each level's count spread evenly over its bins in use.
double divergence(const Prefix& p, size_t bins) {
  const double total = p.count.back(), inside = p.count[bins];
  const double beyond = total - inside, last = inside - p.count[bins - 1];
  if (inside == 0 || (last == 0 && beyond > 0)) return std::numeric_limits<double>::infinity();
  // sum P log P, as if over counts; the logarithms of the totals are added at the end.
  double sum = p.information[bins];
  if (last > 0) sum += (last + beyond) * std::log(last + beyond) - last * std::log(last);
  for (size_t level = 0; level < kLevels; ++level) {
    const size_t begin = level * bins / kLevels, end = (level + 1) * bins / kLevels;
    const double count = p.count[end] - p.count[begin];
    if (count == 0) continue;
    const double weight = level + 1 == kLevels ? count + beyond : count;
    sum -= weight * std::log(count / (p.used[end] - p.used[begin]));
  }
  return sum / total - std::log(total) + std::log(inside);
}

}  // namespace

float entropy_range(const Histogram& h, const CalibratorOptions&) {
  const Prefix prefix(h);
  const RangeError error_of(h);
  const double most_error = kMostLoss * error_of(h.max());
  float best = h.max();
  double least = std::numeric_limits<double>::infinity();
  const auto used = static_cast<size_t>(h.max() / h.bin_width()) + 1;
  // From wide to narrow, so that of equals the one that clips less wins.
  for (size_t bins = used / kStep * kStep; bins >= kLevels; bins -= kStep) {
    const auto amax = static_cast<float>(static_cast<double>(bins) * h.bin_width());
    const double kl = divergence(prefix, bins);
    if (kl >= least || error_of(amax) > most_error) continue;
    least = kl;
    best = amax;
  }
  return best;
}

}  // namespace qat::quant
