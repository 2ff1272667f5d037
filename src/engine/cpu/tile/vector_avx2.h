// base/qmath.h on eight floats: the same operations in the same order, so the same bits. For AVX2 files only; all
// functions are static, so that no other file can end up with this code.
#pragma once

#include <immintrin.h>

#include <cstring>

#include "engine/cpu/epilogue.h"

namespace qat::kernels {

// max_ps(a, b) is a > b ? a : b, with b for NaN: exactly the comparison of round_clamp and activate.
static inline __m256i round_clamp256(__m256 v, float low, float high) {
  v = _mm256_max_ps(v, _mm256_set1_ps(low));
  v = _mm256_min_ps(v, _mm256_set1_ps(high));
  return _mm256_cvtps_epi32(v);
}

// p * 2^n in two steps: each power is a normal number though n may be -126, and only the last product could round.
static inline __m256 scale256(__m256 p, __m256 n) {
  const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
  const __m256i rest = _mm256_sub_epi32(whole, half), one = _mm256_set1_epi32(127);
  p = _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, one), 23)));
  return _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, one), 23)));
}

static inline __m256 exp256(__m256 x) {
  x = _mm256_min_ps(_mm256_set1_ps(87.0f), _mm256_max_ps(_mm256_set1_ps(-87.0f), x));  // NaN stays
  const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)), 0);
  __m256 r = _mm256_fmadd_ps(n, _mm256_set1_ps(-0.693359375f), x);
  r = _mm256_fmadd_ps(n, _mm256_set1_ps(2.12194440e-4f), r);
  __m256 p = _mm256_set1_ps(1.0f / 720.0f);
  for (const float c : {1.0f / 120.0f, 1.0f / 24.0f, 1.0f / 6.0f, 0.5f, 1.0f, 1.0f})
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(c));
  return scale256(p, n);
}

static inline __m256 activate256(__m256 v, Activation kind, float p0, float p1) {
  const __m256 one = _mm256_set1_ps(1.0f);
  switch (kind) {
    case Activation::kNone:
      return v;
    case Activation::kClip:
      return _mm256_min_ps(_mm256_max_ps(v, _mm256_set1_ps(p0)), _mm256_set1_ps(p1));
    case Activation::kHardSwish: {
      const __m256 gate = _mm256_fmadd_ps(v, _mm256_set1_ps(p0), _mm256_set1_ps(0.5f));
      return _mm256_mul_ps(v, _mm256_min_ps(_mm256_max_ps(gate, _mm256_setzero_ps()), one));
    }
    case Activation::kSilu: {
      const __m256 minus = _mm256_xor_ps(_mm256_mul_ps(v, _mm256_set1_ps(p0)), _mm256_set1_ps(-0.0f));
      return _mm256_mul_ps(v, _mm256_div_ps(one, _mm256_add_ps(one, exp256(minus))));
    }
  }
  return v;
}

// Eight u8, less their zero point, as floats; reads eight bytes.
static inline __m256 load_u8x8(const uint8_t* x, int32_t zero_point) {
  const __m256i q = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x)));
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(q, _mm256_set1_epi32(zero_point)));
}

// The skip's part of the epilogue; reads eight bytes.
static inline __m256 add_skip256(const Epilogue& e, __m256 v, const uint8_t* skip) {
  const __m256 s = load_u8x8(skip, e.skip_zero_point), skip_scale = _mm256_set1_ps(e.skip_scale);
  if (e.middle == Middle::kNone) return _mm256_fmadd_ps(s, skip_scale, v);
  const __m256 middle_scale = _mm256_set1_ps(e.middle_scale);
  const __m256 q =
      _mm256_cvtepi32_ps(round_clamp256(v, static_cast<float>(e.middle_lo), static_cast<float>(e.middle_hi)));
  if (e.middle == Middle::kFirst) return _mm256_fmadd_ps(s, skip_scale, _mm256_mul_ps(q, middle_scale));
  return _mm256_fmadd_ps(q, middle_scale, _mm256_mul_ps(s, skip_scale));
}

// Activation, rounding, and eight stored values as the low bytes of eight dwords.
static inline __m256i finish_u8x8(const Epilogue& e, __m256 v) {
  const __m256i q = round_clamp256(activate256(v, e.activation, e.p0, e.p1), static_cast<float>(e.lo - e.zero_point),
                                   static_cast<float>(e.hi - e.zero_point));
  return _mm256_add_epi32(q, _mm256_set1_epi32(e.zero_point));
}

// Eight dwords of 0..255 to eight bytes.
static inline __m128i pack_u8x8(__m256i q) {
  const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
  return _mm_packus_epi16(words, words);
}

// Activation, rounding and store of the first `count` of eight results.
static inline void finish256(const Epilogue& e, __m256 v, int64_t count, void* y) {
  alignas(32) uint8_t result[32];
  int64_t element = 1;
  if (e.output == Output::kF32) {
    element = 4;
    _mm256_store_ps(reinterpret_cast<float*>(result), activate256(v, e.activation, e.p0, e.p1));
  } else {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(result), pack_u8x8(finish_u8x8(e, v)));
  }
  if (count >= 8) {
    std::memcpy(y, result, static_cast<size_t>(8 * element));
  } else if (count > 0) {
    std::memcpy(y, result, static_cast<size_t>(count * element));
  }
}

// What elementwise kernels are written in (tile/elementwise.h).
struct Lanes256 {
  static constexpr int64_t kCount = 8;
  using Floats = __m256;

  static Floats load_u8(const uint8_t* x, int32_t zero_point) { return load_u8x8(x, zero_point); }
  static Floats load(const float* x, int64_t count) {
    if (count >= kCount) return _mm256_loadu_ps(x);
    alignas(32) float part[kCount] = {};
    std::memcpy(part, x, static_cast<size_t>(count) * 4);
    return _mm256_load_ps(part);
  }
  static Floats broadcast(float x) { return _mm256_set1_ps(x); }
  static Floats mul(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
  static Floats bounded(Floats a, float most) {  // NaN stays
    return _mm256_min_ps(_mm256_set1_ps(most), _mm256_max_ps(_mm256_set1_ps(-most), a));
  }
  static Floats div(Floats a, Floats b) { return _mm256_div_ps(a, b); }
  static Floats fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
  static void store(Floats v, int64_t count, float* y) {
    alignas(32) float part[kCount];
    _mm256_store_ps(part, v);
    std::memcpy(y, part, static_cast<size_t>(count < kCount ? count : kCount) * 4);
  }
  static void finish(const Epilogue& e, Floats v, int64_t count, void* y) { finish256(e, v, count, y); }
};

}  // namespace qat::kernels
