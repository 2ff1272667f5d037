// The entries of the dequantization table, one file per ISA.
#pragma once

#include "engine/cpu/dequantize/dequantize.h"

namespace qat::kernels {

extern const DequantizeKernel kDequantizeReference;

}  // namespace qat::kernels
