// The calibrator "max": nothing is clipped.
#include "quant/calib/calibrators.h"

namespace qat::quant {

float max_range(const Histogram& histogram, const CalibratorOptions&) { return histogram.max(); }

}  // namespace qat::quant
