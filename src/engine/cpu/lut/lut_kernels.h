// The entries of the table look-up's table, one file per ISA.
#pragma once

#include "engine/cpu/lut/lut.h"

namespace qat::kernels {

extern const LutKernel kLutAvx512;
extern const LutKernel kLutAvx2;
extern const LutKernel kLutReference;

}  // namespace qat::kernels
