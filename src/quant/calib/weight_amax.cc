// Ranges of weights: the largest |w| of every output channel.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "quant/calib/calibrator.h"

namespace qat::quant {

std::vector<float> weight_amax(std::span<const float> weight, std::span<const int64_t> shape, int axis) {
  QAT_ASSERT(axis >= 0 && static_cast<size_t>(axis) < shape.size());
  const auto channels = static_cast<size_t>(shape[static_cast<size_t>(axis)]);
  size_t inner = 1;
  for (size_t d = static_cast<size_t>(axis) + 1; d < shape.size(); ++d) inner *= static_cast<size_t>(shape[d]);
  QAT_ASSERT(weight.size() % (channels * inner) == 0);
  std::vector<float> amax(channels, 0.0f);
  for (size_t slice = 0; slice < weight.size() / inner; ++slice) {
    float& largest = amax[slice % channels];
    for (const float w : weight.subspan(slice * inner, inner)) largest = std::max(largest, std::fabs(w));
  }
  return amax;
}

}  // namespace qat::quant
