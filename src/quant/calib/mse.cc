// The calibrator "mse": the range of least expected squared error.
#include <cmath>

#include "quant/calib/calibrators.h"

namespace qat::quant {

namespace {

struct Best {
  float amax = 0;
  double error = 0;
};

// Ranges max 2^(-step i) for i in [begin, end].
void search(const RangeError& error_of, float max, double step, int begin, int end, Best& best) {
  for (int i = std::max(begin, 0); i <= end; ++i) {
    const float amax = static_cast<float>(max * std::exp2(-step * i));
    const double error = error_of(amax);
    if (error < best.error) best = {.amax = amax, .error = error};
  }
}

}  // namespace

// Down to max / 256 in steps of a sixteenth of an octave, then finer around the best: the error is smooth but for the
// places of the grid, so that 1/128 octave is past what matters (0.1 dB).
float mse_range(const Histogram& h, const CalibratorOptions&) {
  const RangeError error_of(h);
  Best best{.amax = h.max(), .error = error_of(h.max())};
  search(error_of, h.max(), 1.0 / 16, 1, 128, best);
  const int at = static_cast<int>(std::lround(-128 * std::log2(static_cast<double>(best.amax) / h.max())));
  search(error_of, h.max(), 1.0 / 128, at - 7, at + 7, best);
  return best.amax;
}

}  // namespace qat::quant
