// The expected quantization error of a range, integrated bin by bin.
#include <algorithm>
#include <cmath>

#include "quant/calib/calibrator.h"

namespace qat::quant {

namespace {

// F(x) = integral from 0 to x of (t - q(t))^2: a full cell gives s^3 / 12, and within the cell of level k it is a cubic
// around k s. Past the last level the same cubic is the clipping error.
double integral(double x, double s) {
  const auto k = static_cast<double>(static_cast<int>(std::min(x / s + 0.5, 127.0)));  // x >= 0: truncation is floor
  const double rest = x - k * s;
  return k * s * s * s / 12 + rest * rest * rest / 3;
}

}  // namespace

double expected_error(const Histogram& h, float amax) {
  const double s = static_cast<double>(amax) / 127, width = h.bin_width();
  double sum = 0, before = 0;
  for (size_t i = 0; i < h.counts().size(); ++i) {
    const double begin = static_cast<double>(i) * width;
    if (begin > h.max()) break;
    // The last bin ends at the largest value.
    const double end = std::min(begin + width, static_cast<double>(h.max()));
    const double after = integral(end, s);
    const int64_t n = h.counts()[i] - (i == 0 ? h.zeros() : 0);
    if (n > 0 && end > begin) {
      sum += static_cast<double>(n) * (after - before) / (end - begin);
    } else if (n > 0) {  // the largest value alone, on the bin's edge
      const double off = begin - std::min(std::nearbyint(begin / s), 127.0) * s;
      sum += static_cast<double>(n) * off * off;
    }
    before = after;
  }
  return sum / static_cast<double>(std::max<int64_t>(h.total(), 1));
}

}  // namespace qat::quant
