// The entries of the quantization table, one file per ISA.
#pragma once

#include "engine/cpu/quantize/quantize.h"

namespace qat::kernels {

extern const QuantizeKernel kQuantizeAvx512;
extern const QuantizeKernel kQuantizeAvx2;
extern const QuantizeKernel kQuantizeDwords;
extern const QuantizeKernel kQuantizeReference;

}  // namespace qat::kernels
