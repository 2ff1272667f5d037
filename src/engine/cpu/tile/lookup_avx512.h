// Bytes through a table of 256, or through a clamp or a copy, for AVX-512.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace qat::kernels {
namespace {

// Calls body(lanes, vector) -> vector on `count` bytes, 64 at a time.
template <class Body>
[[gnu::always_inline]] inline void map_bytes512(const uint8_t* x, uint8_t* y, int64_t count, const Body& body) {
  for (int64_t i = 0; i < count; i += 64) {
    const __mmask64 lanes = count - i >= 64 ? ~__mmask64{0} : (__mmask64{1} << (count - i)) - 1;
    _mm512_mask_storeu_epi8(y + i, lanes, body(_mm512_maskz_loadu_epi8(lanes, x + i)));
  }
}

// Four registers and two permutations where the processor has VBMI: each looks up seven bits of the index, the eighth
// chooses between them. A byte at a time where it has not.
class LookUp512 {
 public:
  explicit LookUp512(const uint8_t* table) : table_(table), clamps_(only_clamps(table)) {}

  void map(const uint8_t* x, uint8_t* y, int64_t count) const {
    static const bool vbmi = __builtin_cpu_supports("avx512vbmi");
    if (clamps_) {
      clamp(x, y, count);
    } else if (vbmi) {
      permute(x, y, count);
    } else {
      for (int64_t i = 0; i < count; ++i) y[i] = table_[x[i]];
    }
  }

  static void copy(const uint8_t* x, uint8_t* y, int64_t count) {
    map_bytes512(x, y, count, [](__m512i v) { return v; });
  }

 private:
  // y = min(max(x, table[0]), table[255]) for every x, as a ReLU between equal scales is?
  static bool only_clamps(const uint8_t* table) {
    const uint8_t low = table[0], high = table[255];
    for (int x = 0; x < 256; ++x)
      if (table[x] != (x < low ? low : x > high ? high : x)) return false;
    return true;
  }

  void clamp(const uint8_t* x, uint8_t* y, int64_t count) const {
    const __m512i low = _mm512_set1_epi8(static_cast<char>(table_[0]));
    const __m512i high = _mm512_set1_epi8(static_cast<char>(table_[255]));
    map_bytes512(x, y, count, [&](__m512i v) { return _mm512_min_epu8(_mm512_max_epu8(v, low), high); });
  }

  [[gnu::target("avx512vbmi")]] void permute(const uint8_t* x, uint8_t* y, int64_t count) const {
    const __m512i t0 = _mm512_loadu_si512(table_), t1 = _mm512_loadu_si512(table_ + 64);
    const __m512i t2 = _mm512_loadu_si512(table_ + 128), t3 = _mm512_loadu_si512(table_ + 192);
    for (int64_t i = 0; i < count; i += 64) {
      const __mmask64 lanes = count - i >= 64 ? ~__mmask64{0} : (__mmask64{1} << (count - i)) - 1;
      const __m512i v = _mm512_maskz_loadu_epi8(lanes, x + i);
      const __m512i low = _mm512_permutex2var_epi8(t0, v, t1), high = _mm512_permutex2var_epi8(t2, v, t3);
      _mm512_mask_storeu_epi8(y + i, lanes, _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(v), high));
    }
  }

  const uint8_t* table_;
  bool clamps_;
};

}  // namespace
}  // namespace qat::kernels
