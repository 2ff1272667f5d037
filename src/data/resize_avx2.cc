// The resize passes with AVX2: 32-bit products and sums, so the bits are the reference's.
#include "data/resize_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

namespace qat::data {

namespace {

constexpr int32_t kHalf = 1 << (kResizeBits - 1);

// Eight sums -> eight bytes. Sums are not negative and below 2^31, so the packs saturate at 255 only.
__m128i clip8(__m256i sums) {
  const __m256i shifted = _mm256_srai_epi32(sums, kResizeBits);
  const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(shifted), _mm256_extracti128_si256(shifted, 1));
  return _mm_packus_epi16(words, words);
}

__m256i widen8(const uint8_t* bytes) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes)));
}

// Two taps of an RGB pixel in one register: lanes 0..3 hold pixel t (the fourth lane is noise), lanes 4..7 pixel t + 1.
void row_rgb(const RowArgs& args, const Taps& taps) {
  const __m128i spread = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m256i pairs = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
  uint8_t* out = args.out;
  for (int64_t i = 0; i < taps.outputs(); ++i, out += 3) {
    const auto at = static_cast<size_t>(i);
    const uint8_t* in = args.in + taps.first[at] * 3;
    const int32_t* weights = taps.weights.data() + i * taps.pitch;  // zeros fill a pair after the last tap
    __m256i sums = _mm256_setr_epi32(kHalf, kHalf, kHalf, 0, 0, 0, 0, 0);
    for (int32_t t = 0; t < taps.length[at]; t += 2) {
      const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(in + 3 * static_cast<int64_t>(t)));
      const __m256i pixels = _mm256_cvtepu8_epi32(_mm_shuffle_epi8(bytes, spread));
      const __m256i two = _mm256_castsi128_si256(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(weights + t)));
      sums = _mm256_add_epi32(sums, _mm256_mullo_epi32(pixels, _mm256_permutevar8x32_epi32(two, pairs)));
    }
    const __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    const __m128i words = _mm_packus_epi32(_mm_srai_epi32(sum, kResizeBits), _mm_setzero_si128());
    const int32_t rgb = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    std::memcpy(out, &rgb, 3);
  }
}

}  // namespace

void resize_row_avx2(const RowArgs& args, const Taps& taps) {
  if (args.channels == 3) {
    row_rgb(args, taps);
  } else {
    resize_row_reference(args, taps);
  }
}

void resize_column_avx2(const ColumnArgs& args) {
  int64_t j = 0;
  for (; j + 32 <= args.bytes; j += 32) {
    __m256i s0 = _mm256_set1_epi32(kHalf), s1 = s0, s2 = s0, s3 = s0;
    for (int32_t t = 0; t < args.length; ++t) {
      const uint8_t* in = args.in + t * args.stride + j;
      const __m256i weight = _mm256_set1_epi32(args.weights[t]);
      s0 = _mm256_add_epi32(s0, _mm256_mullo_epi32(weight, widen8(in)));
      s1 = _mm256_add_epi32(s1, _mm256_mullo_epi32(weight, widen8(in + 8)));
      s2 = _mm256_add_epi32(s2, _mm256_mullo_epi32(weight, widen8(in + 16)));
      s3 = _mm256_add_epi32(s3, _mm256_mullo_epi32(weight, widen8(in + 24)));
    }
    auto* out = reinterpret_cast<__m128i*>(args.out + j);
    _mm_storeu_si128(out, _mm_unpacklo_epi64(clip8(s0), clip8(s1)));
    _mm_storeu_si128(out + 1, _mm_unpacklo_epi64(clip8(s2), clip8(s3)));
  }
  ColumnArgs rest = args;
  rest.in += j;
  rest.out += j;
  rest.bytes -= j;
  resize_column_reference(rest);
}

}  // namespace qat::data
#endif
