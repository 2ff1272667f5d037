// The mean of a whole image: a block takes one image and 64 channels, 16 threads across them and 16 down the pixels.
#include "base/qmath.h"
#include "engine/cuda/launch.cuh"
#include "engine/cuda/pool/pool_kernels.h"

namespace qat::cuda {
namespace {

constexpr int kWords = 16, kSlices = 16;  // 256 threads; a 7x7 image takes 4 rounds

struct GlobalPool {
  int64_t pixels;  // of an image
  int32_t words;   // of a pixel
  int32_t offset;  // in_zero_point * pixels
  float factor;
  int32_t zero_point, low, high;  // low, high: less the zero point
};

__device__ uint32_t mean_of(const GlobalPool& p, int32_t sum) {
  return static_cast<uint32_t>(round_clamp(static_cast<float>(sum - p.offset) * p.factor, p.low, p.high) +
                               p.zero_point);
}

__global__ void __launch_bounds__(kWords* kSlices) pool_global_kernel(GlobalPool p, const uint32_t* x, uint32_t* y) {
  __shared__ int4 partial[kSlices][kWords];
  let_next_start();
  wait_for_previous();
  const int word = blockIdx.x * kWords + threadIdx.x;
  const uint32_t* image = x + blockIdx.y * p.pixels * p.words + word;
  int4 sum = make_int4(0, 0, 0, 0);
  if (word < p.words) {
#pragma unroll 4
    for (int64_t i = threadIdx.y; i < p.pixels; i += kSlices) {
      const uint32_t v = image[i * p.words];
      sum.x += v & 255, sum.y += v >> 8 & 255, sum.z += v >> 16 & 255, sum.w += v >> 24;
    }
  }
  partial[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || word >= p.words) return;
  for (int i = 1; i < kSlices; ++i) {
    const int4 other = partial[i][threadIdx.x];
    sum.x += other.x, sum.y += other.y, sum.z += other.z, sum.w += other.w;
  }
  y[blockIdx.y * p.words + word] =
      mean_of(p, sum.x) | mean_of(p, sum.y) << 8 | mean_of(p, sum.z) << 16 | mean_of(p, sum.w) << 24;
}

const char* supports(const kernels::PoolProblem& p) {
  if (p.kind != kernels::Pool::kGlobal) return "whole images only";
  return p.batch < 65536 ? nullptr : "at most 65,535 images";
}

cudaError_t run(const kernels::PoolProblem& p, const kernels::PoolArgs& a, void*, cudaStream_t stream) {
  const int64_t pixels = p.in_h * p.in_w;
  const GlobalPool pool{.pixels = pixels,
                        .words = static_cast<int32_t>(pitch_of(p.channels) / 4),
                        .offset = static_cast<int32_t>(p.in_zero_point * pixels),
                        .factor = static_cast<float>(p.scale / static_cast<double>(pixels)),
                        .zero_point = p.zero_point,
                        .low = p.lo - p.zero_point,
                        .high = p.hi - p.zero_point};
  const dim3 grid(static_cast<unsigned>((pool.words + kWords - 1) / kWords), static_cast<unsigned>(p.batch));
  return launch(pool_global_kernel, {.grid = grid, .block = dim3(kWords, kSlices)}, stream, pool,
                reinterpret_cast<const uint32_t*>(a.x), reinterpret_cast<uint32_t*>(a.y));
}

}  // namespace

constinit const PoolKernel kPoolGlobal{"pool_global", kAnyCapability, supports, no_workspace<kernels::PoolProblem>,
                                       run};

}  // namespace qat::cuda
