// The fully connected layer without thought, one thread an output: the last entry, for every problem.
#include <cstring>

#include "engine/cuda/epilogue.cuh"
#include "engine/cuda/gemm/gemm_kernels.h"
#include "engine/cuda/launch.cuh"

namespace qat::cuda {
namespace {

using kernels::GemmArgs;
using kernels::GemmProblem;

constexpr int kThreads = 128;

size_t packed_bytes(const GemmProblem& p) { return static_cast<size_t>(p.outputs * p.channels * p.positions); }

// Packed form: as it came, [K][C][positions].
void pack(const GemmProblem& p, const int8_t* weights, void* packed) { std::memcpy(packed, weights, packed_bytes(p)); }

__global__ void gemm_reference(const __grid_constant__ GemmProblem p, const GemmArgs a, const DeviceEpilogue e,
                               int64_t in_pitch, int64_t out_pitch) {
  let_next_start();
  wait_for_previous();
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < p.rows * p.outputs;
       i += int64_t{gridDim.x} * kThreads) {
    const int64_t n = i / p.outputs, k = i % p.outputs, index = n * out_pitch + k;
    const auto* w = static_cast<const int8_t*>(a.weights) + k * p.channels * p.positions;
    int32_t acc = 0;
    for (int64_t c = 0; c < p.channels; ++c)
      for (int64_t at = 0; at < p.positions; ++at, ++w)
        acc += (a.x[(n * p.positions + at) * in_pitch + c] - p.in_zero_point) * *w;
    float v[4] = {accumulated(acc, a.multiplier[k], a.bias[k])};
    if (p.epilogue.has_skip) add_skip4(e, a.skip[index], v);
    if (p.epilogue.output == kernels::Output::kF32) {
      static_cast<float*>(a.y)[i] = finish_f32(e, v[0]);
    } else {
      static_cast<uint8_t*>(a.y)[index] = finish1(e, v[0]);
    }
  }
}

cudaError_t run(const GemmProblem& p, const GemmArgs& a, void*, cudaStream_t stream) {
  return launch(gemm_reference, {.grid = blocks_for(p.rows * p.outputs, kThreads), .block = kThreads}, stream, p, a,
                device_epilogue(p.epilogue), pitch_of(p.channels), pitch_of(p.outputs));
}

}  // namespace

constinit const GemmKernel kGemmReference{
    {"gemm_s8_reference", kAnyCapability, supports_all<GemmProblem>, no_workspace<GemmProblem>, run},
    packed_bytes,
    pack};

}  // namespace qat::cuda
