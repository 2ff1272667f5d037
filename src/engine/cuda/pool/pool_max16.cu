// Max pooling, 16 channels of one output pixel a thread: vector loads and byte-wise maxima.
#include "engine/cuda/launch.cuh"
#include "engine/cuda/pool/pool_kernels.h"

namespace qat::cuda {
namespace {

constexpr int kThreads = 128;

struct MaxPool {
  int32_t in_h, in_w, out_h, out_w, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  uint32_t groups;  // of 16 channels
};

__device__ uint4 max16(uint4 a, uint4 b) {
  return make_uint4(__vmaxu4(a.x, b.x), __vmaxu4(a.y, b.y), __vmaxu4(a.z, b.z), __vmaxu4(a.w, b.w));
}

// Taps outside the image are left out; each window has one inside.
__global__ void pool_max16_kernel(MaxPool p, const uint4* x, uint4* y, int64_t total) {
  let_next_start();
  wait_for_previous();
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= total) return;
  const auto group = static_cast<uint32_t>(i % p.groups);
  const int64_t pixel = i / p.groups;
  const auto column = static_cast<int32_t>(pixel % p.out_w), row = static_cast<int32_t>(pixel / p.out_w % p.out_h);
  const uint4* image = x + pixel / p.out_w / p.out_h * p.in_h * p.in_w * p.groups + group;
  uint4 largest = make_uint4(0, 0, 0, 0);
  for (int32_t r = 0; r < p.kernel_h; ++r) {
    const int32_t h = row * p.stride_h - p.pad_top + r * p.dilation_h;
    if (h < 0 || h >= p.in_h) continue;
    for (int32_t s = 0; s < p.kernel_w; ++s) {
      const int32_t w = column * p.stride_w - p.pad_left + s * p.dilation_w;
      if (w < 0 || w >= p.in_w) continue;
      largest = max16(largest, image[(int64_t{h} * p.in_w + w) * p.groups]);
    }
  }
  y[i] = largest;
}

const char* supports(const kernels::PoolProblem& p) {
  if (p.kind != kernels::Pool::kMax) return "largest values only";
  return pitch_of(p.channels) % 16 == 0 ? nullptr : "needs 5 channels or more";
}

cudaError_t run(const kernels::PoolProblem& p, const kernels::PoolArgs& a, void*, cudaStream_t stream) {
  const auto i32 = [](int64_t n) { return static_cast<int32_t>(n); };
  const MaxPool pool{i32(p.in_h),
                     i32(p.in_w),
                     i32(p.out_h),
                     i32(p.out_w),
                     i32(p.kernel_h),
                     i32(p.kernel_w),
                     i32(p.stride_h),
                     i32(p.stride_w),
                     i32(p.dilation_h),
                     i32(p.dilation_w),
                     i32(p.pad_top),
                     i32(p.pad_left),
                     static_cast<uint32_t>(pitch_of(p.channels) / 16)};
  const int64_t total = p.batch * p.out_h * p.out_w * pool.groups;
  const dim3 grid(static_cast<unsigned>((total + kThreads - 1) / kThreads));
  return launch(pool_max16_kernel, {.grid = grid, .block = kThreads}, stream, pool, reinterpret_cast<const uint4*>(a.x),
                reinterpret_cast<uint4*>(a.y), total);
}

}  // namespace

constinit const PoolKernel kPoolMax16{"pool_max16", kAnyCapability, supports, no_workspace<kernels::PoolProblem>, run};

}  // namespace qat::cuda
