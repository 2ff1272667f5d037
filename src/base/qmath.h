// The one definition of quantization arithmetic, for host and device; QUANTIZATION in docs/ derives it.
//
//   quantize:    q = clamp(round_half_to_even(x / s) + z, lo, hi)
//   requantize:  v = fma(float(acc), M, B); v = fma(float(q_skip), R, v) for a residual; v = activation(v);
//                q = clamp(round_half_to_even(v) + z, lo, hi)
//
// acc: exact int32 sum of (q_x - z_x) * q_w. M = s_x s_w / s_y, B = bias / s_y, R = s_skip / s_y, each computed in
// double and rounded once to float. Compile with -ffp-contract=off (nvcc: --fmad=false): an fma happens where it is
// written and nowhere else.
#pragma once

#include <cmath>
#include <cstdint>

#ifdef __CUDACC__
#define QAT_HD __host__ __device__ inline
#else
#define QAT_HD inline
#endif

namespace qat {

QAT_HD float fma_exact(float a, float b, float c) { return fmaf(a, b, c); }

// Clamps first, so that the conversion never overflows; NaN gives lo. Equal to clamp(rne(v)) because lo and hi are
// integers.
QAT_HD int32_t round_clamp(float v, int32_t lo, int32_t hi) {
  const float low = static_cast<float>(lo), high = static_cast<float>(hi);
  v = v > low ? v : low;
  v = v < high ? v : high;
  return static_cast<int32_t>(rintf(v));
}

// x / s, a true division: multiplying by 1 / s differs on ties. lo, hi include the zero point.
QAT_HD int32_t quantize(float x, float scale, int32_t zero_point, int32_t lo, int32_t hi) {
  return round_clamp(x / scale, lo - zero_point, hi - zero_point) + zero_point;
}

QAT_HD float dequantize(int32_t q, float scale, int32_t zero_point) {
  return static_cast<float>(q - zero_point) * scale;
}

// s = amax / 127, strictly positive.
QAT_HD float scale_of_amax(float amax) { return amax / 127.0f; }

// exp(x) for x in [-87, 87] by fma alone: the same bits on every machine; relative error < 2.5e-7.
// 2^n * p(r), n = rne(x / ln 2), r = x - n ln 2 (two-part), p of degree 6 (Taylor).
QAT_HD float exp_exact(float x) {
  x = x < -87.0f ? -87.0f : (x > 87.0f ? 87.0f : x);
  const float n = rintf(x * 1.44269504f);
  float r = fmaf(n, -0.693359375f, x);
  r = fmaf(n, 2.12194440e-4f, r);
  float p = 1.0f / 720.0f;
  p = fmaf(p, r, 1.0f / 120.0f);
  p = fmaf(p, r, 1.0f / 24.0f);
  p = fmaf(p, r, 1.0f / 6.0f);
  p = fmaf(p, r, 0.5f);
  p = fmaf(p, r, 1.0f);
  p = fmaf(p, r, 1.0f);
  return ldexpf(p, static_cast<int>(n));
}

QAT_HD float sigmoid_exact(float x) { return 1.0f / (1.0f + exp_exact(-x)); }

// Activations in units of the output's scale s_y: v = x / s_y.
enum class Activation : uint8_t {
  kNone,
  kClip,       // min(max(v, p0), p1): ReLU is p0 = 0, p1 = inf; ReLU6 is p0 = 0, p1 = 6 / s_y
  kHardSwish,  // v * min(max(fma(v, p0, 0.5), 0), 1), p0 = s_y / 6
  kSilu,       // v * sigmoid(v * p0), p0 = s_y
};

QAT_HD float activate(float v, Activation kind, float p0, float p1) {
  switch (kind) {
    case Activation::kNone:
      return v;
    case Activation::kClip:
      v = v > p0 ? v : p0;
      return v < p1 ? v : p1;
    case Activation::kHardSwish: {
      float gate = fmaf(v, p0, 0.5f);
      gate = gate > 0.0f ? gate : 0.0f;
      gate = gate < 1.0f ? gate : 1.0f;
      return v * gate;
    }
    case Activation::kSilu:
      return v * sigmoid_exact(v * p0);
  }
  return v;
}

}  // namespace qat
