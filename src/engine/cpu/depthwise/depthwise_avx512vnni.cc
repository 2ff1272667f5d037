// The depthwise kernel for AVX-512 VNNI: blocks of 64 channels, a last one of 32 or less in two columns at a time, or
// on 256-bit registers.
#include "engine/cpu/depthwise/vec256.h"
#include "engine/cpu/tile/vector_avx512.h"

namespace qat::kernels {
namespace {

struct Vec512 {
  static constexpr int64_t kWidth = 64;
  static constexpr bool kTakesTurns = true;
  static constexpr int64_t kColumns = 1;
  using Ints = __m512i;
  using Floats = __m512;

  static Ints loadu(const void* x) { return _mm512_loadu_si512(x); }
  static Ints packed(const uint8_t* block, int v) { return loadu(block + v * kWidth); }
  static constexpr int64_t channel(int64_t i) { return channel_at(kWidth, i); }
  static void store(void* y, Ints v) { _mm512_store_si512(y, v); }
  static Ints unpacklo8(Ints a, Ints b) { return _mm512_unpacklo_epi8(a, b); }
  static Ints unpackhi8(Ints a, Ints b) { return _mm512_unpackhi_epi8(a, b); }
  static Ints unpacklo16(Ints a, Ints b) { return _mm512_unpacklo_epi16(a, b); }
  static Ints unpackhi16(Ints a, Ints b) { return _mm512_unpackhi_epi16(a, b); }
  static Ints dot(Ints sum, Ints x, Ints w) { return _mm512_dpbusd_epi32(sum, x, w); }
  static Ints next_row(Ints x) { return _mm512_srli_epi32(x, 8); }
  static Ints packs32(Ints a, Ints b) { return _mm512_packs_epi32(a, b); }
  static Ints packus16(Ints a, Ints b) { return _mm512_packus_epi16(a, b); }
  static Ints adds16(Ints a, Ints b) { return _mm512_adds_epi16(a, b); }
  static Ints max8(Ints a, Ints b) { return _mm512_max_epu8(a, b); }
  static Floats floats(float x) { return _mm512_set1_ps(x); }
  static Ints words(int32_t x) { return _mm512_set1_epi16(static_cast<short>(x)); }
  static Ints bytes(uint8_t x) { return _mm512_set1_epi8(static_cast<char>(x)); }

  static Ints requantize(Ints acc, const float* multiplier, const float* bias, int v, Floats high) {
    const __m512 r =
        _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc), _mm512_load_ps(multiplier + 16 * v), _mm512_load_ps(bias + 16 * v));
    return _mm512_cvtps_epi32(_mm512_min_ps(high, r));
  }

  static void store_bytes(uint8_t* y, Ints v, int64_t count) {
    if (count == kWidth) {
      _mm512_storeu_si512(y, v);
    } else {
      _mm512_mask_storeu_epi8(y, (__mmask64{1} << count) - 1, v);
    }
  }

  static void finish_channels(const Epilogue& e, const int32_t* sums, const float* multiplier, const float* bias,
                              int64_t channels, const uint8_t* skip, uint8_t* y) {
    const int64_t element = e.output == Output::kF32 ? 4 : 1;
    for (int64_t c = 0; c < channels; c += 16) {
      const __mmask16 lanes = lanes512(channels - c);
      __m512 v = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_load_si512(sums + c)), _mm512_load_ps(multiplier + c),
                                 _mm512_load_ps(bias + c));
      if (e.has_skip) v = add_skip512(e, v, skip + c);
      finish512(e, v, lanes, y + c * element);
    }
  }
};

// Two columns of 32 channels: the first one in the lower half.
struct Pair512 : Vec512 {
  static constexpr int64_t kColumns = 2, kChannels = 32;

  static Ints packed(const uint8_t* block, int v) {
    return _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + v * kChannels)));
  }
  static constexpr int64_t channel(int64_t i) { return channel_at(kChannels, i / 16 * 8 + i % 8); }
  static Ints join(const uint8_t* first, const uint8_t* second) {
    const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(first));
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(second)),
                              1);
  }
  static void store_columns(uint8_t* y, int64_t stride, Ints v, int64_t channels, int64_t columns) {
    const auto mask = static_cast<__mmask32>((1ull << channels) - 1);
    _mm256_mask_storeu_epi8(y, mask, _mm512_castsi512_si256(v));
    if (columns > 1) _mm256_mask_storeu_epi8(y + stride, mask, _mm512_extracti64x4_epi64(v, 1));
  }
};

struct DotBytes {
  static __m256i dot(__m256i sum, __m256i x, __m256i w) { return _mm256_dpbusd_epi32(sum, x, w); }
};

}  // namespace

constinit const DepthwiseKernel kDepthwise64Avx512Vnni =
    make_kernel<Vec512, Vec256<DotBytes>, Pair512>("depthwise_s8_64_avx512vnni", Isa::kAvx512Vnni);

}  // namespace qat::kernels
