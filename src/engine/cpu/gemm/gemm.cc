// The table of fully connected kernels, fastest first.
#include "engine/cpu/gemm/gemm.h"

#include "engine/cpu/gemm/gemm_kernels.h"

namespace qat::kernels {

std::span<const GemmKernel> gemm_kernels() {
  static const GemmKernel table[] = {kGemm16x32Amx,    kGemm14x32Avx512Vnni, kGemm10x32Avx512, kGemm6x16AvxVnni,
                                     kGemm6x16LowAvx2, kGemm4x16Avx2,        kGemm4x8Portable, kGemmReference};
  return table;
}

}  // namespace qat::kernels
