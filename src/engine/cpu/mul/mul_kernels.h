// The entries of the product's table, one file per ISA.
#pragma once

#include "engine/cpu/mul/mul.h"

namespace qat::kernels {

extern const MulKernel kMulReference;

}  // namespace qat::kernels
