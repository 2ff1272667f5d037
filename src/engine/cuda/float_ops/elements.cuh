// Loads and stores of f32 and f16 elements as float, and the two types as a template argument.
#pragma once

#include <cuda_fp16.h>

#include "engine/cuda/float_ops/float_ops.h"
#include "engine/cuda/launch.cuh"

namespace qat::cuda {

__device__ inline float to_f32(float x) { return x; }
__device__ inline float to_f32(__half x) { return __half2float(x); }
__device__ inline void put(float* y, float v) { *y = v; }
__device__ inline void put(__half* y, float v) { *y = __float2half_rn(v); }

__device__ inline float load(const void* x, FloatKind kind, int64_t i) {
  return kind == FloatKind::kF16 ? __half2float(static_cast<const __half*>(x)[i]) : static_cast<const float*>(x)[i];
}

constexpr int kFloatThreads = 256;

// Calls run(T{}) with float or __half.
template <class Run>
cudaError_t with_type(FloatKind kind, const Run& run) {
  return kind == FloatKind::kF16 ? run(__half{}) : run(float{});
}

inline LaunchShape grid_of(int64_t items) { return {.grid = blocks_for(items, kFloatThreads), .block = kFloatThreads}; }

// for (i of a grid-stride loop over `total`)
#define QAT_GRID_LOOP(i, total)                                                    \
  for (int64_t i = int64_t{blockIdx.x} * kFloatThreads + threadIdx.x; i < (total); \
       i += int64_t{gridDim.x} * kFloatThreads)

}  // namespace qat::cuda
