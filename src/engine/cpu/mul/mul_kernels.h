// The entries of the product's table, one file per ISA.
#pragma once

#include "engine/cpu/mul/mul.h"

namespace qat::kernels {

extern const MulKernel kMulAvx512;
extern const MulKernel kMulAvx2;
extern const MulKernel kMulReference;

}  // namespace qat::kernels
