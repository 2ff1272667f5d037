// Concatenation, one launch an input and one thread a byte: copies, or the formula.
#include "base/qmath.h"
#include "engine/cuda/concat/concat.h"
#include "engine/cuda/launch.cuh"

namespace qat::cuda {
namespace {

constexpr int kThreads = 256;

struct Part {
  const uint8_t* x;
  uint8_t* y;  // of the first pixel, at the part's first channel
  int64_t channels, in_pitch, out_pitch;
  bool copies;
  float scale;
  int32_t in_zero, zero, lo, hi;
};

__global__ void concat_kernel(Part p, int64_t total) {
  let_next_start();
  wait_for_previous();
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < total; i += int64_t{gridDim.x} * kThreads) {
    const int64_t pixel = i / p.channels, c = i % p.channels;
    const int32_t x = p.x[pixel * p.in_pitch + c];
    const float v = static_cast<float>(x - p.in_zero) * p.scale;
    p.y[pixel * p.out_pitch + c] =
        static_cast<uint8_t>(p.copies ? x : round_clamp(v, p.lo - p.zero, p.hi - p.zero) + p.zero);
  }
}

cudaError_t run(const kernels::ConcatProblem& p, const kernels::ConcatArgs& a, void*, cudaStream_t stream) {
  const int64_t out_pitch = pitch_of(p.channels());
  int64_t offset = 0;
  for (size_t i = 0; i < p.inputs.size(); ++i) {
    const kernels::ConcatInput& input = p.inputs[i];
    const Part part{.x = a.x[i],
                    .y = a.y + offset,
                    .channels = input.channels,
                    .in_pitch = pitch_of(input.channels),
                    .out_pitch = out_pitch,
                    .copies = input.scale == 1.0f && input.zero_point == p.zero_point,
                    .scale = input.scale,
                    .in_zero = input.zero_point,
                    .zero = p.zero_point,
                    .lo = p.lo,
                    .hi = p.hi};
    const int64_t total = p.pixels * input.channels;
    const cudaError_t status =
        launch(concat_kernel, {.grid = blocks_for(total, kThreads), .block = kThreads}, stream, part, total);
    if (status != cudaSuccess) return status;
    offset += input.channels;
  }
  return cudaSuccess;
}

}  // namespace

std::span<const ConcatKernel> concat_kernels() {
  static const ConcatKernel table[] = {{"concat_bytes", kAnyCapability, supports_all<kernels::ConcatProblem>,
                                        no_workspace<kernels::ConcatProblem>, run}};
  return table;
}

}  // namespace qat::cuda
