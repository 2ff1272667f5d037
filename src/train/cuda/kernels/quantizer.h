// fake_quant(clip(v)) at about eight operations a value and without a division, equal to base/qmath.h to the bit.
//
// v is clamped first, to where clip and clamp would have taken it; then t = v / s, correctly rounded by Markstein's
// theorem: with y = rn(1 / s) and q0 within one unit in the last place of v / s, rn(q0 + (v - q0 s) y) = rn(v / s). q0
// comes from the reciprocal in two parts, y + y_low. Values are scaled by a power of two where s is so small or so
// large that the remainder would underflow. t + 1.5 * 2^23 has the rounded integer in its low bits. The gradient passes
// where pass_lo <= v <= pass_hi: rne(v / s) grows with v, so two bounds describe where it is in range.
#pragma once

#include <cstring>

#include "base/qmath.h"
#include "train/cuda/kernels/types.h"

namespace qat::train::cuda {

QAT_HD int32_t bits_of(float v) {
  int32_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}

QAT_HD float float_of(int32_t bits) {
  float v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

// The next float above (direction 1) or below (-1) a finite v.
QAT_HD float neighbour(float v, int direction) {
  if (v == 0.0f) return static_cast<float>(direction) * 1.401298464e-45f;
  const int32_t bits = bits_of(v);
  return float_of((v > 0.0f) == (direction > 0) ? bits + 1 : bits - 1);
}

// The value farthest in `direction` whose rne(v / s) is not beyond `bound`.
QAT_HD float last_inside(float s, int bound, int direction) {
  const float b = static_cast<float>(bound), d = static_cast<float>(direction);
  float v = (b + 0.5f * d) * s;
  while ((rintf(v / s) - b) * d > 0.0f) v = neighbour(v, -direction);
  while (!((rintf(neighbour(v, direction) / s) - b) * d > 0.0f)) v = neighbour(v, direction);
  return v;
}

// 1 where the range is 0, or so small that its scale is. NaN where it is negative, infinite or NaN: so is everything
// quantized with it.
QAT_HD float scale_of(Range range) {
  const float value = *range.value, scale = value / range.unit;
  if (scale == 0.0f) return 1.0f;
  return value > 0.0f && value <= 3.402823466e38f ? scale : float_of(0x7FC00000);
}

struct Quantizer {
  float scale;               // s
  float clamp_lo, clamp_hi;  // of v
  float pass_lo, pass_hi;
  float shift, s, y, y_low;  // s = scale * shift

  static constexpr float kRound = 12582912.0f;

  // range.value null: clips only, and scale is 0.
  QAT_HD static Quantizer make(Range range, float clip_lo, float clip_hi) {
    Quantizer z{};
    const float infinity = float_of(0x7F800000);
    // clip_lo < v is neighbour(clip_lo) <= v, except that -inf bounds nothing.
    const bool low = clip_lo > -infinity, high = clip_hi < infinity;
    z.pass_lo = low ? neighbour(clip_lo, 1) : -3.402823466e38f;
    z.pass_hi = high ? neighbour(clip_hi, -1) : 3.402823466e38f;
    z.clamp_lo = clip_lo, z.clamp_hi = clip_hi;
    if (range.value == nullptr) return z;
    z.scale = scale_of(range);
    if (!(z.scale > 0.0f)) {
      z.pass_lo = infinity, z.pass_hi = -infinity;
      z.s = z.y = z.scale = float_of(0x7FC00000);
      return z;
    }
    const float lowest = static_cast<float>(range.lo) * z.scale, highest = static_cast<float>(range.hi) * z.scale;
    z.clamp_lo = clip_lo > lowest ? (clip_lo < highest ? clip_lo : highest) : lowest;
    z.clamp_hi = clip_hi < highest ? (clip_hi > lowest ? clip_hi : lowest) : highest;
    const float pass_lo = last_inside(z.scale, range.lo, -1), pass_hi = last_inside(z.scale, range.hi, 1);
    z.pass_lo = z.pass_lo > pass_lo ? z.pass_lo : pass_lo;
    z.pass_hi = z.pass_hi < pass_hi ? z.pass_hi : pass_hi;
    z.shift = z.scale < 0x1p-60f ? 0x1p80f : (z.scale > 0x1p60f ? 0x1p-80f : 1.0f);
    z.s = z.scale * z.shift;
    z.y = 1.0f / z.s;
    z.y_low = fmaf(-z.s, z.y, 1.0f) * z.y;
    return z;
  }

  QAT_HD bool passes(float v) const { return v >= pass_lo && v <= pass_hi; }

  // NaN becomes clamp_lo.
  QAT_HD float clamped(float v) const { return fminf(fmaxf(v, clamp_lo), clamp_hi); }

  // rn(v / scale) of a clamped v.
  QAT_HD float divided(float v) const {
    const float u = v * shift;
    const float q0 = fmaf(u, y, u * y_low);
    return fmaf(fmaf(-s, q0, u), y, q0);
  }

  // LSQ's slope d(q scale) / dscale at v: rne(v / scale) - v / scale inside the range, else the bound. NaN: the lower
  // one.
  QAT_HD float slope(float v, Range range) const {
    if (!passes(v)) return static_cast<float>(v > 0.0f ? range.hi : range.lo);
    const float t = divided(v);
    return t + kRound - kRound - t;
  }

  // rne(v / scale) as a float, of any v; +0 where it is 0.
  QAT_HD float quantized(float v) const { return divided(clamped(v)) + kRound - kRound; }
};

}  // namespace qat::train::cuda
