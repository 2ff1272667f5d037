// Winograd for AVX-512 VNNI.
#include "engine/cpu/conv/conv_kernels.h"
#include "engine/cpu/conv/winograd512.h"

namespace qat::kernels {
namespace {

struct Avx512Vnni : Winograd512 {
  static Ints multiply_add(Ints sum, Words x, Words w) {
    return reinterpret_cast<Ints>(_mm512_dpwssd_epi32(reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(x),
                                                      reinterpret_cast<__m512i>(w)));
  }
};

}  // namespace

constinit const ConvKernel kWinogradAvx512Vnni =
    make_winograd_kernel<Avx512Vnni>("conv_s8_winograd_14x32_avx512vnni", Isa::kAvx512Vnni);

}  // namespace qat::kernels
