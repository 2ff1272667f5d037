// The epilogue of a tile's sums on 512-bit registers: in registers when it is plain, through memory otherwise.
#pragma once

#include <cmath>
#include <type_traits>

#include "engine/cpu/tile/tile.h"
#include "engine/cpu/tile/vector_avx512.h"

namespace qat::kernels {
namespace {  // each file that includes this compiles it for its own instruction set

template <int Rows, int Vectors>
struct Sums {
  __m512i acc[Rows][Vectors];
};

// Where the results of a tile go, and the skip comes from.
struct Place {
  explicit Place(const TileTask& t) : skip(t.skip), y(t.y), skip_stride(t.skip_stride), y_stride(t.y_stride) {}
  const uint8_t* skip;
  uint8_t* y;
  int64_t skip_stride, y_stride;
};

// How a tile ends. All but kAny: bytes without a curve, and no result can leave int32, so that bounds are applied to
// integers, for which there are more units than for floats, or by packing. Lean: zero points and lower bound are 0, as
// after almost every ReLU, and packing applies the lower bound: 4.25 operations a vector against 5.
enum class Finish { kAny, kPlain, kLean, kPlainSkip, kLeanSkip, kMiddleFirst, kLeanMiddleFirst, kMiddleSecond };
constexpr bool middle_first(Finish how) { return how == Finish::kMiddleFirst || how == Finish::kLeanMiddleFirst; }
constexpr bool has_middle(Finish how) { return middle_first(how) || how == Finish::kMiddleSecond; }
constexpr bool has_skip(Finish how) { return how == Finish::kPlainSkip || how == Finish::kLeanSkip || has_middle(how); }
constexpr bool is_lean(Finish how) {
  return how == Finish::kLean || how == Finish::kLeanSkip || how == Finish::kLeanMiddleFirst;
}

// |acc| <= 2^31, so |v| < 2^31 where |M| <= 1/2, |B| <= 2^29, |R| and the middle's scale <= 2^20; false for NaN.
static inline bool stays_in_int32(const TileTask& t, int vectors) {
  const auto within = [](__m512 x, float bound) {
    return _mm512_cmp_ps_mask(_mm512_abs_ps(x), _mm512_set1_ps(bound), _CMP_LE_OQ) == 0xFFFF;
  };
  const Epilogue& e = t.epilogue->full;
  bool all = std::abs(e.skip_scale) <= 0x1p20f && std::abs(e.middle_scale) <= 0x1p20f;
  for (int v = 0; v < vectors; ++v) {
    const __mmask16 lanes = lanes512(t.channels - 16 * v);
    all = all && within(_mm512_maskz_loadu_ps(lanes, t.multiplier + 16 * v), 0.5f) &&
          within(_mm512_maskz_loadu_ps(lanes, t.bias + 16 * v), 0x1p29f);
  }
  return all;
}

static inline Finish choose_finish(const TileTask& t, int vectors) {
  const Epilogue& e = t.epilogue->full;
  if (!t.epilogue->plain || !stays_in_int32(t, vectors)) return Finish::kAny;
  const bool lean = e.zero_point == 0 && t.epilogue->lowest == 0 && (!e.has_skip || e.skip_zero_point == 0);
  if (e.has_skip && e.middle == Middle::kFirst) return lean ? Finish::kLeanMiddleFirst : Finish::kMiddleFirst;
  if (e.has_skip && e.middle == Middle::kSecond) return Finish::kMiddleSecond;
  if (e.has_skip) return lean ? Finish::kLeanSkip : Finish::kPlainSkip;
  return lean ? Finish::kLean : Finish::kPlain;
}

// Constants of a plain epilogue.
template <int Vectors>
struct Plain {
  explicit Plain(const TileTask& t)
      : zero_point(_mm512_set1_epi16(static_cast<short>(t.epilogue->full.zero_point))),
        lowest(_mm512_set1_epi8(static_cast<char>(t.epilogue->lowest))),
        highest(_mm512_set1_epi8(static_cast<char>(t.epilogue->highest))),
        skip_scale(_mm512_set1_ps(t.epilogue->full.skip_scale)),
        middle_scale(_mm512_set1_ps(t.epilogue->full.middle_scale)),
        middle_lo(_mm512_set1_ps(static_cast<float>(t.epilogue->full.middle_lo))),
        middle_hi(_mm512_set1_ps(static_cast<float>(t.epilogue->full.middle_hi))),
        skip_zero_point(_mm512_set1_epi32(t.epilogue->full.skip_zero_point)),
        order(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)) {
    set_columns(t.multiplier, t.bias, t.channels);
  }
  void set_columns(const float* multipliers, const float* biases, int64_t count) {
    channels = count < 64 ? (1ull << count) - 1 : ~0ull;
    for (int v = 0; v < Vectors; ++v) {
      const __mmask16 lanes = lanes512(count - 16 * v);
      multiplier[v] = _mm512_maskz_loadu_ps(lanes, multipliers + 16 * v);
      bias[v] = _mm512_maskz_loadu_ps(lanes, biases + 16 * v);
    }
  }

  // fma(float(acc), M, B), the skip; bounds come when packing.
  template <Finish How>
  [[gnu::always_inline]] __m512i requantize(__m512i acc, int v, const uint8_t* skip) const {
    __m512 x = _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc), multiplier[v], bias[v]);
    if constexpr (has_skip(How)) {
      __m512i q = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(skip + 16 * v)));
      if constexpr (!is_lean(How)) q = _mm512_sub_epi32(q, skip_zero_point);
      const __m512 s = _mm512_cvtepi32_ps(q);
      if constexpr (has_middle(How)) {
        const __m512 integers = _mm512_set1_ps(0x1.8p23f);  // floats are integers here; |x| <= 255 is rounded
        x = _mm512_min_ps(_mm512_max_ps(x, middle_lo), middle_hi);
        x = _mm512_sub_ps(_mm512_add_ps(x, integers), integers);
        x = middle_first(How) ? _mm512_fmadd_ps(s, skip_scale, _mm512_mul_ps(x, middle_scale))
                              : _mm512_fmadd_ps(x, middle_scale, _mm512_mul_ps(s, skip_scale));
      } else {
        x = _mm512_fmadd_ps(s, skip_scale, x);
      }
    }
    return _mm512_cvtps_epi32(x);
  }

  // Packs two rows of two vectors to bytes, in order: row 0 in the lower half, row 1 in the upper.
  template <Finish How>
  [[gnu::always_inline]] __m512i pack(const __m512i (&row0)[2], const __m512i (&row1)[2]) const {
    __m512i words0 = _mm512_packs_epi32(row0[0], row0[1]), words1 = _mm512_packs_epi32(row1[0], row1[1]);
    if constexpr (!is_lean(How))
      words0 = _mm512_adds_epi16(words0, zero_point), words1 = _mm512_adds_epi16(words1, zero_point);
    __m512i bytes = _mm512_packus_epi16(words0, words1);
    if constexpr (!is_lean(How)) bytes = _mm512_max_epu8(bytes, lowest);
    return _mm512_permutexvar_epi32(order, _mm512_min_epu8(bytes, highest));
  }

  __m512i zero_point, lowest, highest;
  __m512 skip_scale, middle_scale;
  __m512 middle_lo, middle_hi;
  __m512i skip_zero_point;
  __m512i order;  // of packed dwords: number 4 * lane + j is four columns of row j / 2, vector j % 2
  __mmask64 channels;
  __m512 multiplier[Vectors], bias[Vectors];
};

// Rows [First, First + Count) of a tile to bytes; skip and y are at its first row. What follows a store of bytes is
// read again, so they come last.
template <Finish How, int First, int Count, int Rows, int Vectors>
[[gnu::always_inline]] inline void store_rows(const Plain<Vectors>& constants, const Place& at,
                                              const Sums<Rows, Vectors>& sums) {
  const Plain<Vectors>* plain = &constants;
  asm("" : "+r"(plain));  // keeps the compiler from holding constants in registers that sums need
  const auto channels = static_cast<__mmask32>(plain->channels);
  __m512i q[Count + Count % 2][2] = {};
#pragma GCC unroll 2
  for (int v = 0; v < Vectors; ++v) {
    const uint8_t* skip = at.skip + First * at.skip_stride;
#pragma GCC unroll 16
    for (int i = 0; i < Count; ++i, skip += at.skip_stride) {
      __m512i acc = sums.acc[First + i][v];
      asm("" : "+v"(acc));  // and from converting before a branch what both of its sides convert
      q[i][v] = plain->template requantize<How>(acc, v, skip);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < Count; i += 2) q[i][0] = plain->template pack<How>(q[i], q[i + 1]);
  uint8_t* y = at.y + First * at.y_stride;
#pragma GCC unroll 8
  for (int i = 0; i < Count; i += 2) {  // always with the mask: a branch costs more
    _mm256_mask_storeu_epi8(y, channels, _mm512_castsi512_si256(q[i][0]));
    y += at.y_stride;
    if (i + 1 == Count) break;
    _mm256_mask_storeu_epi8(y, channels, _mm512_extracti64x4_epi64(q[i][0], 1));
    y += at.y_stride;
  }
}

// 1 to 4 rows whose sums are in memory, one after the other; `at` is at the first.
template <Finish How, int Count, int Vectors>
[[gnu::always_inline]] inline void store_from(const Plain<Vectors>& plain, const Place& at, const int32_t* sums) {
  Sums<Count, Vectors> part;
#pragma GCC unroll 4
  for (int i = 0; i < Count; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) part.acc[i][v] = _mm512_load_si512(sums + (i * Vectors + v) * 16);
  store_rows<How, 0, Count>(plain, at, part);
}
template <Finish How, int Vectors>
[[gnu::always_inline]] inline void store_quad(const Plain<Vectors>& plain, const Place& at, const int32_t* sums,
                                              int64_t count) {
  if (count >= 4) return store_from<How, 4>(plain, at, sums);
  if (count == 3) return store_from<How, 3>(plain, at, sums);
  if (count == 2) return store_from<How, 2>(plain, at, sums);
  store_from<How, 1>(plain, at, sums);
}

// One or two rows of 64 columns, whose sums are those of two panels.
template <Finish How, int Count>
[[gnu::always_inline]] inline void store_wide(const Plain<4>& plain, const Place& at, const int32_t* left,
                                              const int32_t* right) {
  __m512i bytes[Count];
#pragma GCC unroll 2
  for (int i = 0; i < Count; ++i) {
    __m512i q[2][2];
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      const int32_t* sums = (v < 2 ? left : right) + (2 * i + v % 2) * 16;
      q[v / 2][v % 2] = plain.template requantize<How>(_mm512_load_si512(sums), v, at.skip + i * at.skip_stride);
    }
    bytes[i] = plain.template pack<How>(q[0], q[1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < Count; ++i) _mm512_mask_storeu_epi8(at.y + i * at.y_stride, plain.channels, bytes[i]);
}

// Any epilogue, from memory, one vector at a time.
[[maybe_unused]] void finish_rows(const TileTask& t, const int32_t* sums, int rows, int vectors) {
  const Epilogue& e = t.epilogue->full;
  const int64_t element = e.output == Output::kF32 ? 4 : 1;
  for (int i = 0; i < rows; ++i) {
    for (int v = 0; v < vectors; ++v, sums += 16) {
      const __mmask16 lanes = lanes512(t.channels - 16 * v);
      const __m512 multiplier = _mm512_maskz_loadu_ps(lanes, t.multiplier + 16 * v);
      const __m512 bias = _mm512_maskz_loadu_ps(lanes, t.bias + 16 * v);
      __m512 y = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_load_si512(sums)), multiplier, bias);
      if (e.has_skip) y = add_skip512(e, y, t.skip + i * t.skip_stride + 16 * v);
      finish512(e, y, lanes, t.y + i * t.y_stride + 16 * v * element);
    }
  }
}

// Calls body with a constant of the way, which is not kAny.
template <class Body>
[[gnu::always_inline]] inline void with_plain(Finish how, const Body& body) {
  switch (how) {
    case Finish::kAny:
      return;
    case Finish::kPlain:
      return body(std::integral_constant<Finish, Finish::kPlain>());
    case Finish::kLean:
      return body(std::integral_constant<Finish, Finish::kLean>());
    case Finish::kPlainSkip:
      return body(std::integral_constant<Finish, Finish::kPlainSkip>());
    case Finish::kLeanSkip:
      return body(std::integral_constant<Finish, Finish::kLeanSkip>());
    case Finish::kMiddleFirst:
      return body(std::integral_constant<Finish, Finish::kMiddleFirst>());
    case Finish::kLeanMiddleFirst:
      return body(std::integral_constant<Finish, Finish::kLeanMiddleFirst>());
    case Finish::kMiddleSecond:
      return body(std::integral_constant<Finish, Finish::kMiddleSecond>());
  }
}

}  // namespace
}  // namespace qat::kernels
