// Vectors of 512 bits for peak_loops.h, without the product of bytes.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace qat::kernels {

struct Peak512 {
  using Int = __m512i;
  using Float = __m512;
  static constexpr int64_t kFloat = 16;
  static Int ones() { return _mm512_set1_epi8(1); }
  static Float float_ones() { return _mm512_set1_ps(1.0f); }
  static Float fma(Float sum, Float a, Float b) { return _mm512_fmadd_ps(a, b, sum); }
  static Int load(const std::byte* p) { return _mm512_load_si512(p); }
  static Int bit_or(Int a, Int b) { return _mm512_or_si512(a, b); }
  template <class T>
  static void keep(T& x) {
    asm volatile("" : "+v"(x));
  }
};

}  // namespace qat::kernels
