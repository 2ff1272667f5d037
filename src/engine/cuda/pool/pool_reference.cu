// Pooling by the formulas of engine/cpu/pool/pool.h, one output a thread, for every problem.
#include "base/qmath.h"
#include "engine/cuda/launch.cuh"
#include "engine/cuda/pool/pool_kernels.h"

namespace qat::cuda {
namespace {

constexpr int kThreads = 256;

// The taps of one axis inside the image, and those inside the padded image (engine/cpu/pool/window.h).
struct Axis {
  int64_t start, first, last, padded;
};

__device__ Axis axis_of(int64_t start, int64_t kernel, int64_t dilation, int64_t extent, int64_t pad_after) {
  Axis w{.start = start, .first = 0, .last = kernel, .padded = kernel};
  while (w.first < kernel && start + w.first * dilation < 0) ++w.first;
  while (w.last > w.first && start + (w.last - 1) * dilation >= extent) --w.last;
  while (w.padded > w.last && start + (w.padded - 1) * dilation >= extent + pad_after) --w.padded;
  return w;
}

__global__ void pool_kernel(kernels::PoolProblem p, const uint8_t* x, uint8_t* y, int64_t total) {
  let_next_start();
  wait_for_previous();
  const int64_t pitch = pitch_of(p.channels);
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < total; i += int64_t{gridDim.x} * kThreads) {
    const int64_t c = i % p.channels, pixel = i / p.channels, column = pixel % p.out_w, row = pixel / p.out_w % p.out_h;
    const Axis h = axis_of(row * p.stride_h - p.pad_top, p.kernel_h, p.dilation_h, p.in_h, p.pad_bottom);
    const Axis w = axis_of(column * p.stride_w - p.pad_left, p.kernel_w, p.dilation_w, p.in_w, p.pad_right);
    const uint8_t* image = x + pixel / (p.out_h * p.out_w) * p.in_h * p.in_w * pitch + c;
    int32_t largest = 0, sum = 0;
    for (int64_t r = h.first; r < h.last; ++r) {
      for (int64_t s = w.first; s < w.last; ++s) {
        const int32_t value = image[((h.start + r * p.dilation_h) * p.in_w + w.start + s * p.dilation_w) * pitch];
        largest = max(largest, value);
        sum += value - p.in_zero_point;
      }
    }
    const int64_t inside = (h.last - h.first) * (w.last - w.first);
    const bool padded = p.count_include_pad && p.kind == kernels::Pool::kAverage;
    const auto factor = static_cast<float>(p.scale / static_cast<double>(padded ? h.padded * w.padded : inside));
    const int32_t mean =
        round_clamp(static_cast<float>(sum) * factor, p.lo - p.zero_point, p.hi - p.zero_point) + p.zero_point;
    y[pixel * pitch + c] = static_cast<uint8_t>(p.kind == kernels::Pool::kMax ? largest : mean);
  }
}

cudaError_t run(const kernels::PoolProblem& problem, const kernels::PoolArgs& a, void*, cudaStream_t stream) {
  kernels::PoolProblem p = problem;
  if (p.kind == kernels::Pool::kGlobal) {
    p.kernel_h = p.in_h, p.kernel_w = p.in_w;
    p.stride_h = p.stride_w = p.dilation_h = p.dilation_w = 1;
    p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = 0;
  }
  const int64_t total = p.batch * p.out_h * p.out_w * p.channels;
  return launch(pool_kernel, {.grid = blocks_for(total, kThreads), .block = kThreads}, stream, p, a.x, a.y, total);
}

}  // namespace

constinit const PoolKernel kPoolReference{"pool_reference", kAnyCapability, supports_all<kernels::PoolProblem>,
                                          no_workspace<kernels::PoolProblem>, run};

}  // namespace qat::cuda
