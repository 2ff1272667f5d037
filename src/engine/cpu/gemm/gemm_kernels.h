// The entries of the fully connected table, one file per ISA.
#pragma once

#include "engine/cpu/gemm/gemm.h"

namespace qat::kernels {

extern const GemmKernel kGemmReference;

}  // namespace qat::kernels
