// One element at a time: see to_nchw.h.
#include "engine/runtime/to_nchw.h"

#include "base/half.h"

namespace qat::engine {

std::vector<float> to_nchw(const PlanTensor& t, const Extents& e, int64_t pitch, const std::byte* memory) {
  const auto element = [&](int64_t at) {
    switch (t.storage) {
      case Storage::kU8:
        return dequantize(static_cast<int32_t>(memory[at]), t.scale, t.zero);
      case Storage::kF32:
        return reinterpret_cast<const float*>(memory)[at];
      case Storage::kBF16:
        return to_float(reinterpret_cast<const BFloat16*>(memory)[at]);
      case Storage::kF16:
        return to_float(reinterpret_cast<const Half*>(memory)[at]);
    }
    return 0.0f;
  };
  std::vector<float> values(static_cast<size_t>(e.pixels() * t.channels));
  const int64_t area = e.h * e.w;
  for (int64_t p = 0; p < e.pixels(); ++p) {
    for (int64_t c = 0; c < t.channels; ++c) {
      values[static_cast<size_t>((p / area * t.channels + c) * area + p % area)] = element(p * pitch + c);
    }
  }
  return values;
}

}  // namespace qat::engine
