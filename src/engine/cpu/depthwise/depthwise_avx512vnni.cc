// The depthwise kernel for AVX-512 VNNI: blocks of 64 channels in four 512-bit vectors, a last one of 32 in four
// 256-bit.
#include "engine/cpu/depthwise/ops256.h"
#include "engine/cpu/tile/vector_avx512.h"

namespace qat::kernels {
namespace {

struct Ops512 {
  static constexpr int64_t kWidth = 64;

  static void interleave(const uint8_t* x0, const uint8_t* x1, const uint8_t* x2, const uint8_t* x3, uint8_t* to) {
    const __m512i r0 = _mm512_loadu_si512(x0), r1 = _mm512_loadu_si512(x1);
    const __m512i r2 = _mm512_loadu_si512(x2), r3 = _mm512_loadu_si512(x3);
    const __m512i low01 = _mm512_unpacklo_epi8(r0, r1), high01 = _mm512_unpackhi_epi8(r0, r1);
    const __m512i low23 = _mm512_unpacklo_epi8(r2, r3), high23 = _mm512_unpackhi_epi8(r2, r3);
    _mm512_store_si512(to, _mm512_unpacklo_epi16(low01, low23));
    _mm512_store_si512(to + 64, _mm512_unpackhi_epi16(low01, low23));
    _mm512_store_si512(to + 128, _mm512_unpacklo_epi16(high01, high23));
    _mm512_store_si512(to + 192, _mm512_unpackhi_epi16(high01, high23));
  }

  struct Sums {
    explicit Sums(const uint8_t* start) {
      for (int v = 0; v < 4; ++v) acc[v] = _mm512_loadu_si512(start + 64 * v);
    }
    __m512i acc[4];
  };

  // Known tap sets live in registers: 3 x 4 weights beside 4 sums.
  template <int TapSets>
  struct Weights {
    explicit Weights(const uint8_t* packed) : packed(packed) {
      for (int i = 0; i < 4 * TapSets; ++i) kept[i / 4][i % 4] = _mm512_loadu_si512(packed + 64 * i);
    }
    void add(int64_t set, const uint8_t* x, Sums& sums) const {
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) {
        const __m512i w = TapSets > 0 ? kept[set][v] : _mm512_loadu_si512(packed + 256 * set + 64 * v);
        sums.acc[v] = _mm512_dpbusd_epi32(sums.acc[v], _mm512_load_si512(x + 64 * v), w);
      }
    }
    const uint8_t* packed;
    __m512i kept[TapSets > 0 ? TapSets : 1][4];
  };

  struct Scales {
    Scales(const float* m, const float* b) {
      for (int v = 0; v < 4; ++v) multiplier[v] = _mm512_load_ps(m + 16 * v), bias[v] = _mm512_load_ps(b + 16 * v);
    }
    __m512 multiplier[4], bias[4];
  };

  // Saturating packs put the channels back in order and apply the lower bounds; see tile_avx512vnni.cc.
  static void finish_plain(const TileEpilogue& e, const __m512 (&v)[4], int64_t channels, uint8_t* y) {
    __m512i q[4];
    for (int i = 0; i < 4; ++i) q[i] = _mm512_cvtps_epi32(_mm512_min_ps(_mm512_set1_ps(e.high), v[i]));
    const __m512i zero_point = _mm512_set1_epi16(static_cast<short>(e.full.zero_point));
    const __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(q[0], q[1]), zero_point);
    const __m512i high = _mm512_adds_epi16(_mm512_packs_epi32(q[2], q[3]), zero_point);
    const __m512i bytes =
        _mm512_max_epu8(_mm512_packus_epi16(low, high), _mm512_set1_epi8(static_cast<char>(e.lowest)));
    if (channels == kWidth) {
      _mm512_storeu_si512(y, bytes);
    } else {
      _mm512_mask_storeu_epi8(y, (__mmask64{1} << channels) - 1, bytes);
    }
  }

  static void finish(const TileEpilogue& e, const Sums& sums, const Scales& scales, int64_t channels,
                     const uint8_t* skip, uint8_t* y) {
    __m512 v[4];
    for (int i = 0; i < 4; ++i)
      v[i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums.acc[i]), scales.multiplier[i], scales.bias[i]);
    if (e.plain && !e.full.has_skip) {
      finish_plain(e, v, channels, y);
      return;
    }
    alignas(64) float results[kWidth];
    for (int i = 0; i < 4; ++i) {
      _mm_store_ps(results + 4 * i, _mm512_castps512_ps128(v[i]));
      _mm_store_ps(results + 16 + 4 * i, _mm512_extractf32x4_ps(v[i], 1));
      _mm_store_ps(results + 32 + 4 * i, _mm512_extractf32x4_ps(v[i], 2));
      _mm_store_ps(results + 48 + 4 * i, _mm512_extractf32x4_ps(v[i], 3));
    }
    const int64_t element = e.full.output == Output::kF32 ? 4 : 1;
    for (int64_t c = 0; c < channels; c += 16) {
      __m512 r = _mm512_load_ps(results + c);
      if (e.full.has_skip)
        r = _mm512_fmadd_ps(load_u8(skip + c, lanes512(channels - c), e.full.skip_zero_point),
                            _mm512_set1_ps(e.full.skip_scale), r);
      finish512(e.full, r, lanes512(channels - c), y + c * element);
    }
  }
};

struct DotBytes {
  static __m256i dot(__m256i sum, __m256i x, __m256i w) { return _mm256_dpbusd_epi32(sum, x, w); }
};

}  // namespace

constinit const DepthwiseKernel kDepthwise64Avx512Vnni =
    make_kernel<Ops512, Ops256<DotBytes>>("depthwise_s8_64_avx512vnni", Isa::kAvx512Vnni);

}  // namespace qat::kernels
