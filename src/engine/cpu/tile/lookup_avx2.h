// Bytes through a table of 256, or a copy, for AVX2: sixteen tables of sixteen, each asked for the bytes of its range.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace qat::kernels {
namespace {

class LookUp256 {
 public:
  explicit LookUp256(const uint8_t* table) : table_(table) {
    for (int i = 0; i < 16; ++i)
      rows_[i] = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table + 16 * i)));
  }

  // Four operations for each of the sixteen: 64 on 32 bytes, where a byte at a time takes 96.
  void map(const uint8_t* x, uint8_t* y, int64_t count) const {
    int64_t i = 0;
    for (; i + 32 <= count; i += 32) {
      const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i));
      __m256i sum = _mm256_setzero_si256();
#pragma GCC unroll 16
      for (int row = 0; row < 16; ++row) {
        // Bytes of this row become 0x70..0x7F, others 0x80 and more, for which vpshufb gives 0.
        const __m256i within = _mm256_xor_si256(v, _mm256_set1_epi8(static_cast<char>(16 * row)));
        const __m256i index = _mm256_adds_epu8(within, _mm256_set1_epi8(0x70));
        sum = _mm256_or_si256(sum, _mm256_shuffle_epi8(rows_[row], index));
      }
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i), sum);
    }
    for (; i < count; ++i) y[i] = table_[x[i]];
  }

  static void copy(const uint8_t* x, uint8_t* y, int64_t count) {
    int64_t i = 0;
    for (; i + 32 <= count; i += 32)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i),
                          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i)));
    std::memcpy(y + i, x + i, static_cast<size_t>(count - i));
  }

 private:
  const uint8_t* table_;
  __m256i rows_[16];
};

}  // namespace
}  // namespace qat::kernels
