// The int8 convolution in plain C++: the formula of conv.h, one output at a time, for every problem.
#include "engine/cpu/conv/conv_kernels.h"

namespace qat::kernels {
namespace {

size_t packed_bytes(const ConvProblem& p) {
  return static_cast<size_t>(p.out_channels * (p.in_channels / p.groups) * p.kernel_h * p.kernel_w);
}

// Packed form: [K][R][S][C/G].
void pack(const ConvProblem& p, const int8_t* weights, void* packed) {
  const int64_t depth = p.in_channels / p.groups, taps = p.kernel_h * p.kernel_w;
  auto* out = static_cast<int8_t*>(packed);
  for (int64_t k = 0; k < p.out_channels; ++k)
    for (int64_t c = 0; c < depth; ++c)
      for (int64_t t = 0; t < taps; ++t) out[(k * taps + t) * depth + c] = weights[(k * depth + c) * taps + t];
}

int64_t units(const ConvProblem& p) { return p.pixels(); }

int32_t accumulate(const ConvProblem& p, const ConvArgs& a, int64_t n, int64_t top, int64_t left, int64_t k) {
  const int64_t depth = p.in_channels / p.groups, pitch = pitch_of(p.in_channels);
  const int64_t first = k / (p.out_channels / p.groups) * depth;
  const auto* w = static_cast<const int8_t*>(a.weights) + k * p.kernel_h * p.kernel_w * depth;
  int32_t acc = 0;
  for (int64_t r = 0; r < p.kernel_h; ++r) {
    for (int64_t s = 0; s < p.kernel_w; ++s, w += depth) {
      const int64_t h = top + r * p.dilation_h, v = left + s * p.dilation_w;
      if (h < 0 || h >= p.in_h || v < 0 || v >= p.in_w) continue;
      const uint8_t* x = a.x + ((n * p.in_h + h) * p.in_w + v) * pitch + first;
      for (int64_t c = 0; c < depth; ++c) acc += (x[c] - p.in_zero_point) * w[c];
    }
  }
  return acc;
}

void run(const ConvProblem& p, const ConvArgs& a, int64_t begin, int64_t end, void*) {
  const int64_t out_w = p.out_w(), out_h = p.out_h(), pitch = output_pitch(p.epilogue, p.out_channels);
  for (int64_t pixel = begin; pixel < end; ++pixel) {
    const int64_t n = pixel / (out_h * out_w), row = pixel / out_w % out_h, column = pixel % out_w;
    for (int64_t k = 0; k < p.out_channels; ++k) {
      const int64_t index = pixel * pitch + k;
      const int32_t acc = accumulate(p, a, n, row * p.stride_h - p.pad_top, column * p.stride_w - p.pad_left, k);
      const uint8_t* skip = p.epilogue.has_skip ? a.skip + pixel * pitch_of(p.out_channels) + k : nullptr;
      store_result(p.epilogue, epilogue_value(p.epilogue, acc, a.multiplier[k], a.bias[k], skip), a.y, index);
    }
    store_pad(p.epilogue, a.y, pixel, p.out_channels);
  }
}

}  // namespace

constinit const ConvKernel kConvReference{
    {"conv_s8_reference", Isa::kPortable, supports_all<ConvProblem>, units, no_scratch<ConvProblem>, run},
    packed_bytes,
    pack};

}  // namespace qat::kernels
