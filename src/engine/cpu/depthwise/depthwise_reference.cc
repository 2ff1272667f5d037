// The depthwise convolution in plain C++: the formula of depthwise.h, one output at a time, for every problem.
#include <cstring>

#include "engine/cpu/depthwise/depthwise_kernels.h"

namespace qat::kernels {
namespace {

size_t packed_bytes(const DepthwiseProblem& p) { return static_cast<size_t>(p.channels * p.kernel_h * p.kernel_w); }

// Packed form: as it came, [C][R][S].
void pack(const DepthwiseProblem& p, const int8_t* weights, void* packed) {
  std::memcpy(packed, weights, packed_bytes(p));
}

int64_t units(const DepthwiseProblem& p) { return p.batch * p.out_h(); }

int32_t accumulate(const DepthwiseProblem& p, const DepthwiseArgs& a, int64_t n, int64_t top, int64_t left, int64_t c) {
  const int64_t pitch = pitch_of(p.channels);
  const auto* w = static_cast<const int8_t*>(a.weights) + c * p.kernel_h * p.kernel_w;
  int32_t acc = 0;
  for (int64_t r = 0; r < p.kernel_h; ++r) {
    for (int64_t s = 0; s < p.kernel_w; ++s, ++w) {
      const int64_t h = top + r * p.dilation_h, v = left + s * p.dilation_w;
      if (h < 0 || h >= p.in_h || v < 0 || v >= p.in_w) continue;
      acc += (a.x[((n * p.in_h + h) * p.in_w + v) * pitch + c] - p.in_zero_point) * *w;
    }
  }
  return acc;
}

void run(const DepthwiseProblem& p, const DepthwiseArgs& a, int64_t begin, int64_t end, void*) {
  const int64_t out_w = p.out_w(), out_h = p.out_h(), pitch = output_pitch(p.epilogue, p.channels);
  for (int64_t pixel = begin * out_w; pixel < end * out_w; ++pixel) {
    const int64_t row = pixel / out_w, top = row % out_h * p.stride_h - p.pad_top;
    const int64_t left = pixel % out_w * p.stride_w - p.pad_left;
    for (int64_t c = 0; c < p.channels; ++c) {
      const int32_t acc = accumulate(p, a, row / out_h, top, left, c);
      const uint8_t* skip = p.epilogue.has_skip ? a.skip + pixel * pitch_of(p.channels) + c : nullptr;
      const float v = epilogue_value(p.epilogue, acc, a.multiplier[c], a.bias[c], skip);
      store_result(p.epilogue, v, a.y, pixel * pitch + c);
    }
    store_pad(p.epilogue, a.y, pixel, p.channels);
  }
}

}  // namespace

constinit const DepthwiseKernel kDepthwiseReference{
    {"depthwise_s8_reference", Isa::kPortable, supports_all<DepthwiseProblem>, units, no_scratch<DepthwiseProblem>,
     run},
    packed_bytes,
    pack};

}  // namespace qat::kernels
