// The entries of the concatenation's table, one file per ISA.
#pragma once

#include "engine/cpu/concat/concat.h"

namespace qat::kernels {

extern const ConcatKernel kConcatAvx512;
extern const ConcatKernel kConcatAvx2;
extern const ConcatKernel kConcatReference;

}  // namespace qat::kernels
