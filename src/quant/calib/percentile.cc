// The calibrator "percentile": the given share of values, zeros included, lies within the range.
#include <algorithm>

#include "base/error.h"
#include "quant/calib/calibrators.h"

namespace qat::quant {

float percentile_range(const Histogram& h, const CalibratorOptions& options) {
  if (!(options.percentile > 0 && options.percentile <= 100))
    fail(Code::kUsage, "[QUANT.PERCENTILE] expected a number in (0, 100], got ", options.percentile);
  if (options.percentile == 100) return h.max();
  const double wanted = static_cast<double>(h.total()) * options.percentile / 100;
  double seen = 0;
  for (size_t i = 0; i < h.counts().size(); ++i) {
    const auto n = static_cast<double>(h.counts()[i]);
    if (n > 0 && seen + n >= wanted) {
      const double inside = static_cast<double>(i) + (wanted - seen) / n;  // values lie uniformly in their bin
      return std::min(static_cast<float>(inside * h.bin_width()), h.max());
    }
    seen += n;
  }
  return h.max();
}

}  // namespace qat::quant
