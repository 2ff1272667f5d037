// Winograd for AVX-VNNI.
#include "engine/cpu/conv/conv_kernels.h"
#include "engine/cpu/conv/winograd256.h"

namespace qat::kernels {
namespace {

struct AvxVnni : Winograd256 {
  static Ints multiply_add(Ints sum, Words x, Words w) {
    return reinterpret_cast<Ints>(_mm256_dpwssd_avx_epi32(reinterpret_cast<__m256i>(sum), reinterpret_cast<__m256i>(x),
                                                          reinterpret_cast<__m256i>(w)));
  }
};

}  // namespace

constinit const ConvKernel kWinogradAvxVnni =
    make_winograd_kernel<AvxVnni>("conv_s8_winograd_6x16_avxvnni", Isa::kAvxVnni);

}  // namespace qat::kernels
