// The convolution without thought, one thread an output: the last entry, for every problem.
#include <cstring>

#include "engine/cuda/conv/conv_kernels.h"
#include "engine/cuda/epilogue.cuh"
#include "engine/cuda/launch.cuh"

namespace qat::cuda {
namespace {

using kernels::ConvArgs;
using kernels::ConvProblem;

constexpr int kThreads = 128;

size_t packed_bytes(const ConvProblem& p) {
  return static_cast<size_t>(p.out_channels * (p.in_channels / p.groups) * p.kernel_h * p.kernel_w);
}

// Packed form: as it came, [K][C/G][R][S].
void pack(const ConvProblem& p, const int8_t* weights, void* packed) { std::memcpy(packed, weights, packed_bytes(p)); }

struct Sizes {
  int64_t out_h, out_w, in_pitch, out_pitch, outputs;
};

__device__ int32_t accumulate(const ConvProblem& p, const ConvArgs& a, const Sizes& s, int64_t pixel, int64_t k) {
  const int64_t depth = p.in_channels / p.groups, first = k / (p.out_channels / p.groups) * depth;
  const int64_t n = pixel / (s.out_h * s.out_w), top = pixel / s.out_w % s.out_h * p.stride_h - p.pad_top,
                left = pixel % s.out_w * p.stride_w - p.pad_left;
  const auto* w = static_cast<const int8_t*>(a.weights) + k * depth * p.kernel_h * p.kernel_w;
  int32_t acc = 0;
  for (int64_t c = 0; c < depth; ++c)
    for (int64_t r = 0; r < p.kernel_h; ++r)
      for (int64_t t = 0; t < p.kernel_w; ++t, ++w) {
        const int64_t h = top + r * p.dilation_h, v = left + t * p.dilation_w;
        if (h < 0 || h >= p.in_h || v < 0 || v >= p.in_w) continue;
        acc += (a.x[((n * p.in_h + h) * p.in_w + v) * s.in_pitch + first + c] - p.in_zero_point) * *w;
      }
  return acc;
}

__global__ void conv_reference(const __grid_constant__ ConvProblem p, const ConvArgs a, const DeviceEpilogue e,
                               const Sizes s) {
  let_next_start();
  wait_for_previous();
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < s.outputs; i += int64_t{gridDim.x} * kThreads) {
    const int64_t pixel = i / p.out_channels, k = i % p.out_channels, index = pixel * s.out_pitch + k;
    float v[4] = {accumulated(accumulate(p, a, s, pixel, k), a.multiplier[k], a.bias[k])};
    if (p.epilogue.has_skip) add_skip4(e, a.skip[index], v);
    if (p.epilogue.output == kernels::Output::kF32) {
      static_cast<float*>(a.y)[i] = finish_f32(e, v[0]);
    } else {
      static_cast<uint8_t*>(a.y)[index] = finish1(e, v[0]);
    }
  }
}

cudaError_t run(const ConvProblem& p, const ConvArgs& a, void*, cudaStream_t stream) {
  const Sizes sizes{p.out_h(), p.out_w(), pitch_of(p.in_channels), pitch_of(p.out_channels),
                    p.pixels() * p.out_channels};
  return launch(conv_reference, {.grid = blocks_for(sizes.outputs, kThreads), .block = kThreads}, stream, p, a,
                device_epilogue(p.epilogue), sizes);
}

}  // namespace

constinit const ConvKernel kConvReference{
    {"conv_s8_reference", kAnyCapability, supports_all<ConvProblem>, no_workspace<ConvProblem>, run},
    packed_bytes,
    pack};

}  // namespace qat::cuda
