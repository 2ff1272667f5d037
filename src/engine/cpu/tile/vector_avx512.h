// base/qmath.h on sixteen floats: the same operations in the same order, so the same bits. For AVX-512 files only; all
// functions are static, so that no other file can end up with this code.
#pragma once

#include <immintrin.h>

#include "engine/cpu/epilogue.h"

namespace qat::kernels {

// max_ps(a, b) is a > b ? a : b, with b for NaN: exactly the comparison of round_clamp and activate.
static inline __m512i round_clamp512(__m512 v, float low, float high) {
  v = _mm512_max_ps(v, _mm512_set1_ps(low));
  v = _mm512_min_ps(v, _mm512_set1_ps(high));
  return _mm512_cvtps_epi32(v);
}

static inline __m512 exp512(__m512 x) {
  x = _mm512_min_ps(_mm512_set1_ps(87.0f), _mm512_max_ps(_mm512_set1_ps(-87.0f), x));  // NaN stays
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 0);
  __m512 r = _mm512_fmadd_ps(n, _mm512_set1_ps(-0.693359375f), x);
  r = _mm512_fmadd_ps(n, _mm512_set1_ps(2.12194440e-4f), r);
  __m512 p = _mm512_set1_ps(1.0f / 720.0f);
  for (const float c : {1.0f / 120.0f, 1.0f / 24.0f, 1.0f / 6.0f, 0.5f, 1.0f, 1.0f})
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(c));
  return _mm512_scalef_ps(p, n);  // n in -126..126: exact, as ldexpf is
}

static inline __m512 activate512(__m512 v, Activation kind, float p0, float p1) {
  const __m512 one = _mm512_set1_ps(1.0f);
  switch (kind) {
    case Activation::kNone:
      return v;
    case Activation::kClip:
      return _mm512_min_ps(_mm512_max_ps(v, _mm512_set1_ps(p0)), _mm512_set1_ps(p1));
    case Activation::kHardSwish: {
      const __m512 gate = _mm512_fmadd_ps(v, _mm512_set1_ps(p0), _mm512_set1_ps(0.5f));
      return _mm512_mul_ps(v, _mm512_min_ps(_mm512_max_ps(gate, _mm512_setzero_ps()), one));
    }
    case Activation::kSilu: {
      const __m512 x = _mm512_mul_ps(v, _mm512_set1_ps(p0));
      const __m512 minus = _mm512_castsi512_ps(
          _mm512_xor_si512(_mm512_castps_si512(x), _mm512_set1_epi32(static_cast<int>(0x80000000u))));
      return _mm512_mul_ps(v, _mm512_div_ps(one, _mm512_add_ps(one, exp512(minus))));
    }
  }
  return v;
}

// Sixteen u8, less their zero point, as floats; reads sixteen bytes.
static inline __m512 load_u8(const uint8_t* x, int32_t zero_point) {
  const __m512i q = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)));
  return _mm512_cvtepi32_ps(_mm512_sub_epi32(q, _mm512_set1_epi32(zero_point)));
}

// The skip's part of the epilogue; reads sixteen bytes.
static inline __m512 add_skip512(const Epilogue& e, __m512 v, const uint8_t* skip) {
  const __m512 s = load_u8(skip, e.skip_zero_point), skip_scale = _mm512_set1_ps(e.skip_scale);
  if (e.middle == Middle::kNone) return _mm512_fmadd_ps(s, skip_scale, v);
  const __m512 middle_scale = _mm512_set1_ps(e.middle_scale);
  const __m512 q =
      _mm512_cvtepi32_ps(round_clamp512(v, static_cast<float>(e.middle_lo), static_cast<float>(e.middle_hi)));
  if (e.middle == Middle::kFirst) return _mm512_fmadd_ps(s, skip_scale, _mm512_mul_ps(q, middle_scale));
  return _mm512_fmadd_ps(q, middle_scale, _mm512_mul_ps(s, skip_scale));
}

// Activation, rounding and store of the lanes of sixteen results.
static inline void finish512(const Epilogue& e, __m512 v, __mmask16 lanes, void* y) {
  if (e.output == Output::kF32) {
    _mm512_mask_storeu_ps(y, lanes, activate512(v, e.activation, e.p0, e.p1));
    return;
  }
  const __m512i q = round_clamp512(activate512(v, e.activation, e.p0, e.p1), static_cast<float>(e.lo - e.zero_point),
                                   static_cast<float>(e.hi - e.zero_point));
  _mm512_mask_cvtepi32_storeu_epi8(y, lanes, _mm512_add_epi32(q, _mm512_set1_epi32(e.zero_point)));
}

// The first n lanes, n clamped to 0..16.
static inline __mmask16 lanes512(int64_t n) {
  return n >= 16 ? __mmask16{0xFFFF} : n <= 0 ? __mmask16{0} : static_cast<__mmask16>((1u << n) - 1u);
}

// What elementwise kernels are written in (tile/elementwise.h).
struct Lanes512 {
  static constexpr int64_t kCount = 16;
  using Floats = __m512;

  static Floats load_u8(const uint8_t* x, int32_t zero_point) { return kernels::load_u8(x, zero_point); }
  static Floats load(const float* x, int64_t count) { return _mm512_maskz_loadu_ps(lanes512(count), x); }
  static Floats broadcast(float x) { return _mm512_set1_ps(x); }
  static Floats mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
  static Floats bounded(Floats a, float most) {  // NaN stays
    return _mm512_min_ps(_mm512_set1_ps(most), _mm512_max_ps(_mm512_set1_ps(-most), a));
  }
  static Floats div(Floats a, Floats b) { return _mm512_div_ps(a, b); }
  static Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
  static void store(Floats v, int64_t count, float* y) { _mm512_mask_storeu_ps(y, lanes512(count), v); }
  static void finish(const Epilogue& e, Floats v, int64_t count, void* y) { finish512(e, v, lanes512(count), y); }
};

}  // namespace qat::kernels
