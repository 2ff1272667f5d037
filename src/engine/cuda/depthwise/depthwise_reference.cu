// The depthwise convolution without thought, one thread an output: the last entry, for every problem.
#include <cstring>

#include "engine/cuda/depthwise/depthwise_kernels.h"
#include "engine/cuda/epilogue.cuh"
#include "engine/cuda/launch.cuh"

namespace qat::cuda {
namespace {

using kernels::DepthwiseArgs;
using kernels::DepthwiseProblem;

constexpr int kThreads = 128;

size_t packed_bytes(const DepthwiseProblem& p) { return static_cast<size_t>(p.channels * p.kernel_h * p.kernel_w); }

// Packed form: as it came, [C][R][S].
void pack(const DepthwiseProblem& p, const int8_t* weights, void* packed) {
  std::memcpy(packed, weights, packed_bytes(p));
}

__global__ void depthwise_reference(const __grid_constant__ DepthwiseProblem p, const DepthwiseArgs a,
                                    const DeviceEpilogue e, int64_t out_h, int64_t out_w, int64_t pitch) {
  let_next_start();
  wait_for_previous();
  const int64_t outputs = p.batch * out_h * out_w * p.channels;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < outputs; i += int64_t{gridDim.x} * kThreads) {
    const int64_t pixel = i / p.channels, c = i % p.channels, n = pixel / (out_h * out_w);
    const int64_t top = pixel / out_w % out_h * p.stride_h - p.pad_top, left = pixel % out_w * p.stride_w - p.pad_left;
    const auto* w = static_cast<const int8_t*>(a.weights) + c * p.kernel_h * p.kernel_w;
    int32_t acc = 0;
    for (int64_t r = 0; r < p.kernel_h; ++r)
      for (int64_t s = 0; s < p.kernel_w; ++s, ++w) {
        const int64_t h = top + r * p.dilation_h, v = left + s * p.dilation_w;
        if (h < 0 || h >= p.in_h || v < 0 || v >= p.in_w) continue;
        acc += (a.x[((n * p.in_h + h) * p.in_w + v) * pitch + c] - p.in_zero_point) * *w;
      }
    float v[4] = {accumulated(acc, a.multiplier[c], a.bias[c])};
    if (p.epilogue.has_skip) add_skip4(e, a.skip[pixel * pitch + c], v);
    if (p.epilogue.output == kernels::Output::kF32) {
      static_cast<float*>(a.y)[i] = finish_f32(e, v[0]);
    } else {
      static_cast<uint8_t*>(a.y)[pixel * pitch + c] = finish1(e, v[0]);
    }
  }
}

cudaError_t run(const DepthwiseProblem& p, const DepthwiseArgs& a, void*, cudaStream_t stream) {
  const int64_t outputs = p.batch * p.out_h() * p.out_w() * p.channels;
  return launch(depthwise_reference, {.grid = blocks_for(outputs, kThreads), .block = kThreads}, stream, p, a,
                device_epilogue(p.epilogue), p.out_h(), p.out_w(), pitch_of(p.channels));
}

}  // namespace

constinit const DepthwiseKernel kDepthwiseReference{
    {"depthwise_s8_reference", kAnyCapability, supports_all<DepthwiseProblem>, no_workspace<DepthwiseProblem>, run},
    packed_bytes,
    pack};

}  // namespace qat::cuda
