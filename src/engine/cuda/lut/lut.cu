// The table in shared memory, four values a thread: the pad bytes go through it too, which is allowed.
#include "engine/cuda/launch.cuh"
#include "engine/cuda/lut/lut.h"

namespace qat::cuda {
namespace {

constexpr int kThreads = 256;

__global__ void lut_kernel(const uint32_t* x, const uint8_t* table, uint32_t* y, int64_t words) {
  __shared__ uint8_t shared[256];
  shared[threadIdx.x] = table[threadIdx.x];
  let_next_start();
  wait_for_previous();
  __syncthreads();
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < words; i += int64_t{gridDim.x} * kThreads) {
    const uint32_t word = x[i];
    y[i] = shared[word & 255] | shared[word >> 8 & 255] << 8 | shared[word >> 16 & 255] << 16 |
           static_cast<uint32_t>(shared[word >> 24]) << 24;
  }
}

cudaError_t run(const kernels::LutProblem& p, const kernels::LutArgs& a, void*, cudaStream_t stream) {
  const int64_t words = p.pixels * pitch_of(p.channels) / 4;
  return launch(lut_kernel, {.grid = blocks_for(words, kThreads), .block = kThreads}, stream,
                reinterpret_cast<const uint32_t*>(a.x), a.table, reinterpret_cast<uint32_t*>(a.y), words);
}

}  // namespace

std::span<const LutKernel> lut_kernels() {
  static const LutKernel table[] = {
      {"lut_reference", kAnyCapability, supports_all<kernels::LutProblem>, no_workspace<kernels::LutProblem>, run}};
  return table;
}

}  // namespace qat::cuda
