// The resize passes in portable C++, and the table of kernels: see resize_kernels.h.
#include <algorithm>
#include <array>

#include "data/resize_kernels.h"

namespace qat::data {

namespace {

constexpr int32_t kHalf = 1 << (kResizeBits - 1);

uint8_t clip(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kResizeBits, 0, 255)); }

#if defined(__x86_64__)
constexpr std::array kKernels = {
    ResizeKernel{"resize_u8_avx2", Isa::kAvx2, resize_row_avx2, resize_column_avx2},
    ResizeKernel{"resize_u8_reference", Isa::kPortable, resize_row_reference, resize_column_reference},
};
#else
constexpr std::array kKernels = {
    ResizeKernel{"resize_u8_reference", Isa::kPortable, resize_row_reference, resize_column_reference},
};
#endif

}  // namespace

void resize_row_reference(const RowArgs& args, const Taps& taps) {
  uint8_t* out = args.out;
  for (int64_t i = 0; i < taps.outputs(); ++i) {
    const auto at = static_cast<size_t>(i);
    const uint8_t* in = args.in + taps.first[at] * args.channels;
    const int32_t* weights = taps.weights.data() + i * taps.pitch;
    for (int64_t c = 0; c < args.channels; ++c) {
      int32_t sum = kHalf;
      for (int32_t t = 0; t < taps.length[at]; ++t) sum += weights[t] * in[t * args.channels + c];
      *out++ = clip(sum);
    }
  }
}

void resize_column_reference(const ColumnArgs& args) {
  for (int64_t j = 0; j < args.bytes; ++j) {
    int32_t sum = kHalf;
    for (int32_t t = 0; t < args.length; ++t) sum += args.weights[t] * args.in[t * args.stride + j];
    args.out[j] = clip(sum);
  }
}

std::span<const ResizeKernel> resize_kernels() { return kKernels; }

const ResizeKernel& resize_kernel() {
  static const ResizeKernel& chosen =
      *std::find_if(kKernels.begin(), kKernels.end(), [](const ResizeKernel& kernel) { return kernel.isa <= isa(); });
  return chosen;
}

}  // namespace qat::data
