// Peak of the baseline: SSE2, which every x86-64 has; multiply and add apart in float.
#include <emmintrin.h>

#include "engine/cpu/peak/peak_kernels.h"
#include "engine/cpu/peak/peak_loops.h"

namespace qat::kernels {

namespace {

struct Vectors {
  using Int = __m128i;
  using Float = __m128;
  static constexpr int64_t kInt8 = 8, kFloat = 4;
  static Int ones() { return _mm_set1_epi8(1); }
  static Float float_ones() { return _mm_set1_ps(1.0f); }
  static Int dot(Int sum, Int a, Int b) { return _mm_add_epi32(sum, _mm_madd_epi16(a, b)); }
  static Float fma(Float sum, Float a, Float b) { return _mm_add_ps(sum, _mm_mul_ps(a, b)); }
  static Int load(const std::byte* p) { return _mm_load_si128(reinterpret_cast<const __m128i*>(p)); }
  static Int bit_or(Int a, Int b) { return _mm_or_si128(a, b); }
  template <class T>
  static void keep(T& x) {
    asm volatile("" : "+x"(x));
  }
};

}  // namespace

constinit const PeakKernel kPeakPortable = make_peak<Vectors>("peak_portable", Isa::kPortable);

}  // namespace qat::kernels
