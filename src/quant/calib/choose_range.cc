// The table of calibrators, "auto", and what a chosen range does to the values.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "quant/calib/calibrators.h"

namespace qat::quant {

namespace {

constexpr Calibrator kCalibrators[] = {
    {"max", max_range},
    {"percentile", percentile_range},
    {"mse", mse_range},
    {"entropy", entropy_range},
};
constexpr const char* kAuto = "auto";

// nullptr for "auto".
const Calibrator* find(const std::string& name) {
  for (const Calibrator& c : kCalibrators) {
    if (name == c.name) return &c;
  }
  if (name != kAuto)
    fail(Code::kUsage, "[QUANT.CALIBRATOR] unknown calibrator \"", name, "\"; expected one of ",
         join(calibrator_names(), ", "));
  return nullptr;
}

double clipped_share(const Histogram& h, float amax) {
  if (amax >= h.max()) return 0;
  const double at = amax / h.bin_width();
  const auto bin = static_cast<size_t>(at);
  double beyond = static_cast<double>(h.counts()[bin]) * (1 - (at - static_cast<double>(bin)));
  for (size_t i = bin + 1; i < h.counts().size(); ++i) beyond += static_cast<double>(h.counts()[i]);
  return beyond / static_cast<double>(h.total());
}

// E[x^2], values uniform in their bin.
double power(const Histogram& h) {
  double sum = 0;
  for (size_t i = 0; i < h.counts().size(); ++i) {
    const double begin = static_cast<double>(i) * h.bin_width();
    const double end = std::clamp(static_cast<double>(h.max()), begin, begin + h.bin_width());
    const int64_t n = h.counts()[i] - (i == 0 ? h.zeros() : 0);
    sum += static_cast<double>(n) * (begin * begin + begin * end + end * end) / 3;
  }
  return sum / static_cast<double>(std::max<int64_t>(h.total(), 1));
}

}  // namespace

std::span<const Calibrator> calibrators() { return kCalibrators; }

std::vector<std::string> calibrator_names() {
  std::vector<std::string> names;
  for (const Calibrator& c : kCalibrators) names.emplace_back(c.name);
  names.emplace_back(kAuto);
  return names;
}

RangeChoice choose_range(const Histogram& h, const std::string& name, double percentile) {
  const CalibratorOptions options{.percentile = percentile};
  const Calibrator* calibrator = find(name);
  if (h.max() == 0) return {.calibrator = name};
  const Chosen chosen = calibrator == nullptr
                            ? auto_range(h, options)
                            : Chosen{.calibrator = calibrator->name, .amax = calibrator->range(h, options)};
  const double error = expected_error(h, chosen.amax);
  return {.amax = chosen.amax,
          .calibrator = chosen.calibrator,
          .clipped = clipped_share(h, chosen.amax),
          .snr_db = error > 0 ? 10 * std::log10(power(h) / error) : 0};
}

}  // namespace qat::quant
