// 32 channels of a depthwise convolution in four 256-bit vectors; `Dot` multiplies steps of four bytes.
#pragma once

#include "engine/cpu/depthwise/depthwise_rows.h"
#include "engine/cpu/tile/vector_avx2.h"

namespace qat::kernels {
namespace {

template <class Dot>
struct Ops256 {
  static constexpr int64_t kWidth = 32;

  static void interleave(const uint8_t* x0, const uint8_t* x1, const uint8_t* x2, const uint8_t* x3, uint8_t* to) {
    const auto load = [](const uint8_t* x) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)); };
    const __m256i r0 = load(x0), r1 = load(x1), r2 = load(x2), r3 = load(x3);
    const __m256i low01 = _mm256_unpacklo_epi8(r0, r1), high01 = _mm256_unpackhi_epi8(r0, r1);
    const __m256i low23 = _mm256_unpacklo_epi8(r2, r3), high23 = _mm256_unpackhi_epi8(r2, r3);
    auto* out = reinterpret_cast<__m256i*>(to);
    _mm256_store_si256(out, _mm256_unpacklo_epi16(low01, low23));
    _mm256_store_si256(out + 1, _mm256_unpackhi_epi16(low01, low23));
    _mm256_store_si256(out + 2, _mm256_unpacklo_epi16(high01, high23));
    _mm256_store_si256(out + 3, _mm256_unpackhi_epi16(high01, high23));
  }

  struct Sums {
    explicit Sums(const uint8_t* start) {
      for (int v = 0; v < 4; ++v) acc[v] = _mm256_load_si256(reinterpret_cast<const __m256i*>(start) + v);
    }
    __m256i acc[4];
  };

  template <int TapSets>
  struct Weights {
    explicit Weights(const uint8_t* packed) : packed(reinterpret_cast<const __m256i*>(packed)) {}
    void add(int64_t set, const uint8_t* x, Sums& sums) const {
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v)
        sums.acc[v] = Dot::dot(sums.acc[v], _mm256_load_si256(reinterpret_cast<const __m256i*>(x) + v),
                               _mm256_load_si256(packed + set * 4 + v));
    }
    const __m256i* packed;
  };

  struct Scales {
    Scales(const float* m, const float* b) : multiplier(m), bias(b) {}
    const float *multiplier, *bias;
  };

  // Results in the order of the channels in memory, then eight at a time.
  static void finish(const TileEpilogue& e, const Sums& sums, const Scales& scales, int64_t channels,
                     const uint8_t* skip, uint8_t* y) {
    alignas(32) float results[kWidth];
    for (int v = 0; v < 4; ++v) {
      const __m256 r = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums.acc[v]), _mm256_load_ps(scales.multiplier + 8 * v),
                                       _mm256_load_ps(scales.bias + 8 * v));
      _mm_store_ps(results + 4 * v, _mm256_castps256_ps128(r));
      _mm_store_ps(results + 16 + 4 * v, _mm256_extractf128_ps(r, 1));
    }
    const int64_t element = e.full.output == Output::kF32 ? 4 : 1;
    for (int64_t c = 0; c < channels; c += 8) {
      __m256 r = _mm256_load_ps(results + c);
      if (e.full.has_skip)
        r = _mm256_fmadd_ps(load_u8x8(skip + c, e.full.skip_zero_point), _mm256_set1_ps(e.full.skip_scale), r);
      finish256(e.full, r, channels - c, y + c * element);
    }
  }
};

}  // namespace
}  // namespace qat::kernels
