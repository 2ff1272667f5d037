// Winograd for AVX2.
#include "engine/cpu/conv/conv_kernels.h"
#include "engine/cpu/conv/winograd256.h"

namespace qat::kernels {
namespace {

struct Avx2 : Winograd256 {
  static Ints multiply_add(Ints sum, Words x, Words w) {
    const __m256i products = _mm256_madd_epi16(reinterpret_cast<__m256i>(x), reinterpret_cast<__m256i>(w));
    sum += reinterpret_cast<Ints>(products);
    asm("" : "+v"(sum));  // or GCC 12 adds the products of several steps first, and has no registers for them
    return sum;
  }
};

}  // namespace

constinit const ConvKernel kWinogradAvx2 = make_winograd_kernel<Avx2>("conv_s8_winograd_6x16_avx2", Isa::kAvx2);

}  // namespace qat::kernels
