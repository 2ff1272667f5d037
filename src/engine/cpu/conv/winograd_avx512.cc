// Winograd for AVX-512.
#include "engine/cpu/conv/conv_kernels.h"
#include "engine/cpu/conv/winograd512.h"

namespace qat::kernels {
namespace {

struct Avx512 : Winograd512 {
  static Ints multiply_add(Ints sum, Words x, Words w) {
    const __m512i products = _mm512_madd_epi16(reinterpret_cast<__m512i>(x), reinterpret_cast<__m512i>(w));
    sum += reinterpret_cast<Ints>(products);
    asm("" : "+v"(sum));  // or GCC 12 adds the products of several steps first, and has no registers for them
    return sum;
  }
};

}  // namespace

constinit const ConvKernel kWinogradAvx512 =
    make_winograd_kernel<Avx512>("conv_s8_winograd_14x32_avx512", Isa::kAvx512);

}  // namespace qat::kernels
