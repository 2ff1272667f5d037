// 256-bit registers for the depthwise convolution: 32 channels a block; `Dot` multiplies steps of four bytes.
#pragma once

#include "engine/cpu/depthwise/depthwise_rows.h"
#include "engine/cpu/tile/vector_avx2.h"

namespace qat::kernels {
namespace {

template <class Dot>
struct Vec256 {
  static constexpr int64_t kWidth = 32;
  static constexpr bool kTakesTurns = false;
  static constexpr int64_t kColumns = 1;
  using Ints = __m256i;
  using Floats = __m256;

  static Ints loadu(const void* x) { return _mm256_loadu_si256(static_cast<const __m256i*>(x)); }
  static Ints packed(const uint8_t* block, int v) { return loadu(block + v * kWidth); }
  static constexpr int64_t channel(int64_t i) { return channel_at(kWidth, i); }
  static void store(void* y, Ints v) { _mm256_store_si256(static_cast<__m256i*>(y), v); }
  static Ints unpacklo8(Ints a, Ints b) { return _mm256_unpacklo_epi8(a, b); }
  static Ints unpackhi8(Ints a, Ints b) { return _mm256_unpackhi_epi8(a, b); }
  static Ints unpacklo16(Ints a, Ints b) { return _mm256_unpacklo_epi16(a, b); }
  static Ints unpackhi16(Ints a, Ints b) { return _mm256_unpackhi_epi16(a, b); }
  static Ints dot(Ints sum, Ints x, Ints w) { return Dot::dot(sum, x, w); }
  static Ints next_row(Ints x) { return _mm256_srli_epi32(x, 8); }
  static Ints packs32(Ints a, Ints b) { return _mm256_packs_epi32(a, b); }
  static Ints packus16(Ints a, Ints b) { return _mm256_packus_epi16(a, b); }
  static Ints adds16(Ints a, Ints b) { return _mm256_adds_epi16(a, b); }
  static Ints max8(Ints a, Ints b) { return _mm256_max_epu8(a, b); }
  static Floats floats(float x) { return _mm256_set1_ps(x); }
  static Ints words(int32_t x) { return _mm256_set1_epi16(static_cast<short>(x)); }
  static Ints bytes(uint8_t x) { return _mm256_set1_epi8(static_cast<char>(x)); }

  // clamp above, round; NaN passes min_ps as its second operand and becomes INT_MIN.
  static Ints requantize(Ints acc, const float* multiplier, const float* bias, int v, Floats high) {
    const __m256 r =
        _mm256_fmadd_ps(_mm256_cvtepi32_ps(acc), _mm256_load_ps(multiplier + 8 * v), _mm256_load_ps(bias + 8 * v));
    return _mm256_cvtps_epi32(_mm256_min_ps(high, r));
  }

  static void store_bytes(uint8_t* y, Ints v, int64_t count) {
    if (count == kWidth) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), v);
      return;
    }
    alignas(32) uint8_t part[kWidth];
    store(part, v);
    std::memcpy(y, part, static_cast<size_t>(count));
  }

  static void finish_channels(const Epilogue& e, const int32_t* sums, const float* multiplier, const float* bias,
                              int64_t channels, const uint8_t* skip, uint8_t* y) {
    const int64_t element = e.output == Output::kF32 ? 4 : 1;
    for (int64_t c = 0; c < channels; c += 8) {
      __m256 v = _mm256_fmadd_ps(_mm256_cvtepi32_ps(loadu(sums + c)), _mm256_load_ps(multiplier + c),
                                 _mm256_load_ps(bias + c));
      if (e.has_skip) v = add_skip256(e, v, skip + c);
      finish256(e, v, channels - c, y + c * element);
    }
  }
};

}  // namespace
}  // namespace qat::kernels
