// The entries of the fully connected table, one file per ISA.
#pragma once

#include "engine/cpu/gemm/gemm.h"

namespace qat::kernels {

extern const GemmKernel kGemm16x32Amx;
extern const GemmKernel kGemm14x32Avx512Vnni;
extern const GemmKernel kGemm10x32Avx512;
extern const GemmKernel kGemm6x16AvxVnni;
extern const GemmKernel kGemm6x16LowAvx2;
extern const GemmKernel kGemm4x16Avx2;
extern const GemmKernel kGemm4x8Portable;
extern const GemmKernel kGemmReference;

}  // namespace qat::kernels
