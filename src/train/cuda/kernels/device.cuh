// What the device kernels share: eight channels of a row in registers, launch checks, block reductions.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <algorithm>

#include "base/error.h"
#include "train/cuda/kernels/types.h"

namespace qat::train::cuda {

using bf16 = __nv_bfloat16;

inline void check_launch(const char* kernel) {
  const cudaError_t error = cudaGetLastError();
  if (error != cudaSuccess) fail(Code::kWrongMachine, "[", kernel, "] ", cudaGetErrorString(error));
}

// Calls body.template operator()<T>() with T = bf16 or float.
template <class Body>
void for_type(Type type, const Body& body) {
  type == Type::kBF16 ? body.template operator()<bf16>() : body.template operator()<float>();
}

// Eight values as loaded: loads come first, then arithmetic, so that several are in flight.
template <class T>
struct Eight;

template <>
struct Eight<bf16> {
  uint4 raw;
  __device__ float operator[](int i) const {  // i is a constant after unrolling
    const unsigned word = i < 2 ? raw.x : i < 4 ? raw.y : i < 6 ? raw.z : raw.w;
    return __uint_as_float(i % 2 == 0 ? word << 16 : word & 0xFFFF0000u);
  }
};

template <>
struct Eight<float> {
  float4 low, high;
  __device__ float operator[](int i) const {
    const float4& half = i < 4 ? low : high;
    return i % 4 == 0 ? half.x : i % 4 == 1 ? half.y : i % 4 == 2 ? half.z : half.w;
  }
};

__device__ inline unsigned pack(float low, float high) {
  const __nv_bfloat162 both = __floats2bfloat162_rn(low, high);
  return reinterpret_cast<const unsigned&>(both);
}

// Of `count` channels, 8 unless the row's end comes first. kAligned: channels % 8 == 0, 16-byte accesses.
template <bool kAligned>
__device__ Eight<bf16> load8(const bf16* from, int count) {
  if constexpr (kAligned) {
    return {*reinterpret_cast<const uint4*>(from)};
  } else {
    unsigned words[4] = {0, 0, 0, 0};
    const auto* bits = reinterpret_cast<const unsigned short*>(from);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      if (i < count) words[i / 2] |= static_cast<unsigned>(bits[i]) << (16 * (i % 2));
    }
    return {{words[0], words[1], words[2], words[3]}};
  }
}

template <bool kAligned>
__device__ Eight<float> load8(const float* from, int count) {
  if constexpr (kAligned) {
    const auto* vectors = reinterpret_cast<const float4*>(from);
    return {vectors[0], vectors[1]};
  } else {
    float v[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) v[i] = i < count ? from[i] : 0.0f;
    return {{v[0], v[1], v[2], v[3]}, {v[4], v[5], v[6], v[7]}};
  }
}

template <bool kAligned>
__device__ void store8(bf16* to, const float (&v)[8], int count) {
  if constexpr (kAligned) {
    *reinterpret_cast<uint4*>(to) = {pack(v[0], v[1]), pack(v[2], v[3]), pack(v[4], v[5]), pack(v[6], v[7])};
  } else {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      if (i < count) to[i] = __float2bfloat16_rn(v[i]);
    }
  }
}

template <bool kAligned>
__device__ void store8(float* to, const float (&v)[8], int count) {
  if constexpr (kAligned) {
    auto* vectors = reinterpret_cast<float4*>(to);
    vectors[0] = {v[0], v[1], v[2], v[3]};
    vectors[1] = {v[4], v[5], v[6], v[7]};
  } else {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      if (i < count) to[i] = v[i];
    }
  }
}

// [channels] floats of eight channels; `otherwise` beyond the row's end or where there is no array.
__device__ inline void load_channels(const float* from, int64_t channel, int count, float otherwise, float (&v)[8]) {
#pragma unroll
  for (int i = 0; i < 8; ++i) v[i] = from != nullptr && i < count ? from[channel + i] : otherwise;
}

template <class T>
__device__ float rounded(float v) {
  if constexpr (sizeof(T) == 2) {
    return __bfloat162float(__float2bfloat16_rn(v));
  } else {
    return v;
  }
}

__device__ inline void report(Status status, int place) {
  if (status.word != nullptr) atomicMax(status.word, status_word(status.place + place));
}

// True in every thread of the last block to come here of `count`; the counter is 0 again then. What all blocks wrote
// before is visible to it.
__device__ inline bool last_block(unsigned* counter, unsigned count) {
  __shared__ bool last;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) last = atomicInc(counter, count - 1) == count - 1;
  __syncthreads();
  __threadfence();
  return last;
}

}  // namespace qat::train::cuda
