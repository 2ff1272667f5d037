// The epilogue of unsigned outputs, as behind a ReLU, in about half of epilogue.cuh's instructions and to the same
// bits.
//
// Multipliers, biases and the skip's scale are taken times 2^-8, so that the last fma's saturation to [0, 1] is the
// clamp to [0, 256]. Adding 1.5 * 2^15, whose unit in the last place is 2^-8, rounds to nearest even; the low 16 bits
// then hold the integer, and the upper clamp takes two values at a time.
//
// Exact, because clamping and rounding are monotonic: rne(clamp(v, low, high)) = min(rne(clamp(v, 0, 256)), rne(high))
// where rne(low) = 0; and because a factor of 2^-8 commutes with every rounding to float as long as nothing gets
// smaller than float's normal numbers. That is so where every nonzero M, B and R is at least 2^-90 (unit_exact()): all
// sums are then multiples of 2^-113. Where a sum overflows to infinity, its scaled twin is past 256 whatever the skip
// adds, |R| being at most 2^100.
#pragma once

#include <cmath>

#include "engine/cuda/epilogue.cuh"

namespace qat::cuda {

constexpr float kUnit = 1.0f / 256;

struct UnitEpilogue {
  bool usable;       // where every channel's M and B are unit_exact()
  uint32_t high;     // twice, 16 bits each
  float skip_scale;  // R * 2^-8
  float skip_base;   // 2^23 + skip_zero_point
};

// Of a multiplier or bias. NaN and infinity are not.
QAT_HD bool unit_exact(float v) { return v == 0.0f || (fabsf(v) >= 0x1p-90f && fabsf(v) <= 0x1p120f); }

inline UnitEpilogue unit_epilogue(const kernels::Epilogue& e) {
  const DeviceEpilogue d = device_epilogue(e);
  const float low = std::nearbyint(d.low), high = std::nearbyint(d.high);
  const bool range = low == 0.0f && high >= 0.0f && high <= 255.0f && d.zero_point == 0;
  const bool skip = !e.has_skip || (unit_exact(e.skip_scale) && std::fabs(e.skip_scale) <= 0x1p100f);
  return {.usable = e.output == kernels::Output::kU8 && linear(d) && range && skip,
          .high = range ? static_cast<uint32_t>(high) * 0x00010001u : 0,
          .skip_scale = e.skip_scale * kUnit,
          .skip_base = d.skip_base};
}

// Whether outputs may be unit_outputs(); multipliers and biases, [2][count] in shared memory, are then taken times
// kUnit. By all threads of the block, the columns visible to all.
__device__ inline bool to_unit(const UnitEpilogue& e, float* columns, int count) {
  bool odd = !e.usable;
  for (int i = static_cast<int>(threadIdx.x); e.usable && i < 2 * count; i += static_cast<int>(blockDim.x))
    odd = odd || !unit_exact(columns[i]);
  const bool unit = !__syncthreads_or(odd);
  for (int i = static_cast<int>(threadIdx.x); unit && i < 2 * count; i += static_cast<int>(blockDim.x))
    columns[i] *= kUnit;
  __syncthreads();
  return unit;
}

__device__ inline float saturated_fma(float a, float b, float c) {
  float v;
  asm("fma.rn.sat.f32 %0, %1, %2, %3;" : "=f"(v) : "f"(a), "f"(b), "f"(c));
  return v;
}

// v in [0, 1], in units of 256.
__device__ inline uint32_t unit_word(const UnitEpilogue& e, const float (&v)[4]) {
  constexpr float kRound = 49152.0f;  // 1.5 * 2^15
  const auto bits = [](float x) { return __float_as_uint(x + kRound); };
  const uint32_t low = __vminu2(__byte_perm(bits(v[0]), bits(v[1]), 0x5410), e.high);
  const uint32_t high = __vminu2(__byte_perm(bits(v[2]), bits(v[3]), 0x5410), e.high);
  return __byte_perm(low, high, 0x6420);
}

// Four outputs; multiplier and bias are times kUnit.
__device__ inline uint32_t unit_outputs(const UnitEpilogue& e, const int32_t* sum, const float* multiplier,
                                        const float* bias) {
  float v[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) v[i] = saturated_fma(static_cast<float>(sum[i]), multiplier[i], bias[i]);
  return unit_word(e, v);
}

__device__ inline uint32_t unit_outputs(const UnitEpilogue& e, const int32_t* sum, const float* multiplier,
                                        const float* bias, uint32_t skip) {
  const float4 s = bytes_minus(skip, e.skip_base);
  const float skips[4] = {s.x, s.y, s.z, s.w};
  float v[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) v[i] = saturated_fma(skips[i], e.skip_scale, accumulated(sum[i], multiplier[i], bias[i]));
  return unit_word(e, v);
}

}  // namespace qat::cuda
