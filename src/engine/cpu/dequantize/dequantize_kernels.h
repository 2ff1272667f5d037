// The entries of the dequantization table, one file per ISA.
#pragma once

#include "engine/cpu/dequantize/dequantize.h"

namespace qat::kernels {

extern const DequantizeKernel kDequantizeAvx512;
extern const DequantizeKernel kDequantizeAvx2;
extern const DequantizeKernel kDequantizeReference;

}  // namespace qat::kernels
