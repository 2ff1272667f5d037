// kernels::Epilogue on the device, the same to the last bit (base/qmath.h), four channels at a time.
//
//   DeviceEpilogue e = device_epilogue(problem.epilogue);              host: a kernel's parameter
//   float v = accumulated(acc, multiplier, bias);                      fma(float(acc), M, B)
//   add_skip4(e, skip_word, v);                                        v[i] = fma(float(skip - zero), R, v[i])
//   uint32_t word = finish4(e, v);                                     four stored bytes
//   float y = finish_f32(e, v);                                        Output::kF32
//
// Where the activation is none or a clip, it and the clamp are one clamp between two floats: clamping maps the clip's
// ends, and both orders of two monotonic clamps agree. Conversions to and from bytes go through the bits of
// 2^23 + x and 1.5 * 2^23 + x, at full rate and exact for the ranges at hand.
#pragma once

#include <cuda_runtime.h>

#include "engine/cpu/epilogue.h"

namespace qat::cuda {

struct DeviceEpilogue {
  float low, high;        // of v, in units of the output's scale; the activation is in them where it is linear
  float skip_scale;       // R
  float skip_base;        // 2^23 + skip_zero_point
  int32_t zero_point;     // of the output
  Activation activation;  // kNone where low and high hold it
  float p0, p1;           // of the activation, for kF32 and for the curved ones
};

// For bytes_minus().
inline float byte_base(int32_t zero_point) { return 8388608.0f + static_cast<float>(zero_point); }

inline DeviceEpilogue device_epilogue(const kernels::Epilogue& e) {
  const auto lo = static_cast<float>(e.lo - e.zero_point), hi = static_cast<float>(e.hi - e.zero_point);
  const bool clip = e.activation == Activation::kClip, stored = e.output == kernels::Output::kU8;
  const auto clamp = [&](float v) { return v > lo ? (v < hi ? v : hi) : lo; };
  return {.low = clip ? clamp(e.p0) : lo,
          .high = clip ? clamp(e.p1) : hi,
          .skip_scale = e.skip_scale,
          .skip_base = byte_base(e.skip_zero_point),
          .zero_point = e.zero_point,
          .activation = stored && clip ? Activation::kNone : e.activation,
          .p0 = e.p0,
          .p1 = e.p1};
}

// Low and high hold the activation of a stored output: clamp4() suffices.
inline bool linear(const DeviceEpilogue& e) { return e.activation == Activation::kNone; }

__device__ inline float accumulated(int32_t acc, float multiplier, float bias) {
  return fmaf(static_cast<float>(acc), multiplier, bias);
}

// float(byte i of word) + 2^23, exact.
template <int kByte>
__device__ inline float biased_byte(uint32_t word) {
  return __uint_as_float(__byte_perm(word, 0x4b000000u, 0x7440 | kByte));
}

// float(byte i of word - zero), where base = 2^23 + zero.
__device__ inline float4 bytes_minus(uint32_t word, float base) {
  return make_float4(biased_byte<0>(word) - base, biased_byte<1>(word) - base, biased_byte<2>(word) - base,
                     biased_byte<3>(word) - base);
}

__device__ inline void add_skip4(const DeviceEpilogue& e, uint32_t skip, float (&v)[4]) {
  const float4 s = bytes_minus(skip, e.skip_base);
  v[0] = fmaf(s.x, e.skip_scale, v[0]);
  v[1] = fmaf(s.y, e.skip_scale, v[1]);
  v[2] = fmaf(s.z, e.skip_scale, v[2]);
  v[3] = fmaf(s.w, e.skip_scale, v[3]);
}

// clamp(rne(v)) in the low byte's two's complement of the result's bits: |v| <= 255 after the clamp, and adding
// 1.5 * 2^23 rounds to nearest even. NaN gives low.
__device__ inline uint32_t clamped_bits(const DeviceEpilogue& e, float v) {
  return __float_as_uint(fminf(fmaxf(v, e.low), e.high) + 12582912.0f) + static_cast<uint32_t>(e.zero_point);
}

// Four stored values of an epilogue that is linear().
__device__ inline uint32_t clamp4(const DeviceEpilogue& e, const float (&v)[4]) {
  const uint32_t low = __byte_perm(clamped_bits(e, v[0]), clamped_bits(e, v[1]), 0x0040);
  const uint32_t high = __byte_perm(clamped_bits(e, v[2]), clamped_bits(e, v[3]), 0x0040);
  return __byte_perm(low, high, 0x5410);
}

// A call, not inlined: in an unrolled epilogue the curved activations' code would not fit in the instruction cache (a
// 128x128 tile took 28 us of misses).
__device__ __noinline__ inline float4 activate4(float4 v, Activation kind, float p0, float p1) {
  return make_float4(activate(v.x, kind, p0, p1), activate(v.y, kind, p0, p1), activate(v.z, kind, p0, p1),
                     activate(v.w, kind, p0, p1));
}

// One stored value.
__device__ inline uint8_t finish1(const DeviceEpilogue& e, float v) {
  return static_cast<uint8_t>(clamped_bits(e, activate(v, e.activation, e.p0, e.p1)));
}

// Four stored values, the first in the lowest byte.
__device__ inline uint32_t finish4(const DeviceEpilogue& e, const float (&v)[4]) {
  if (e.activation == Activation::kNone) return clamp4(e, v);
  const float4 a = activate4(make_float4(v[0], v[1], v[2], v[3]), e.activation, e.p0, e.p1);
  return clamp4(e, {a.x, a.y, a.z, a.w});
}

__device__ inline float finish_f32(const DeviceEpilogue& e, float v) { return activate(v, e.activation, e.p0, e.p1); }

}  // namespace qat::cuda
