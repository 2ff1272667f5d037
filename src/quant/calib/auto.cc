// The calibrator "auto": per tensor the one of least expected error.
#include <limits>

#include "quant/calib/calibrators.h"

namespace qat::quant {

Chosen auto_range(const Histogram& h, const CalibratorOptions& options) {
  const RangeError error_of(h);
  Chosen best{};
  double least = std::numeric_limits<double>::infinity();
  for (const Calibrator& c : calibrators()) {
    const float amax = c.range(h, options);
    const double error = error_of(amax);
    if (error >= least) continue;
    least = error;
    best = {.calibrator = c.name, .amax = amax};
  }
  return best;
}

}  // namespace qat::quant
