// How two float tensors differ: see compare.h.
#include "eval/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qat::eval {

Difference difference(const Tensor& a, const Tensor& b) {
  QAT_ASSERT(a.shape() == b.shape());
  const std::span<const float> x = a.data<float>(), y = b.data<float>();
  double xx = 0, yy = 0, xy = 0, dd = 0, max_x = 0;
  Difference result;
  for (size_t i = 0; i < x.size(); ++i) {
    const double p = x[i], q = y[i], d = p - q;
    xx += p * p;
    yy += q * q;
    xy += p * q;
    dd += d * d;
    result.max_abs = std::max(result.max_abs, std::abs(d));
    max_x = std::max(max_x, std::abs(p));
  }
  if (!std::isfinite(xx + yy)) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    return {.cosine = kNan, .snr_db = kNan, .max_abs = kNan, .relative = kNan};
  }
  result.cosine = xx == 0 && yy == 0 ? 1 : (xx == 0 || yy == 0 ? 0 : xy / std::sqrt(xx * yy));
  result.snr_db = dd == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(xx / dd);
  result.relative = result.max_abs == 0 ? 0 : result.max_abs / max_x;
  return result;
}

}  // namespace qat::eval
