// Vectors of 256 bits for peak_loops.h, without the product of bytes.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace qat::kernels {

struct Peak256 {
  using Int = __m256i;
  using Float = __m256;
  static constexpr int64_t kFloat = 8;
  static Int ones() { return _mm256_set1_epi8(1); }
  static Float float_ones() { return _mm256_set1_ps(1.0f); }
  static Float fma(Float sum, Float a, Float b) { return _mm256_fmadd_ps(a, b, sum); }
  static Int load(const std::byte* p) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(p)); }
  static Int bit_or(Int a, Int b) { return _mm256_or_si256(a, b); }
  template <class T>
  static void keep(T& x) {
    asm volatile("" : "+x"(x));
  }
};

}  // namespace qat::kernels
