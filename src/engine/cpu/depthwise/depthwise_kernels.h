// The entries of the depthwise table, one file per ISA.
#pragma once

#include "engine/cpu/depthwise/depthwise.h"

namespace qat::kernels {

extern const DepthwiseKernel kDepthwise64Avx512Vnni;
extern const DepthwiseKernel kDepthwise32AvxVnni;
extern const DepthwiseKernel kDepthwise32LowAvx2;
extern const DepthwiseKernel kDepthwise32Avx2;
extern const DepthwiseKernel kDepthwiseReference;

}  // namespace qat::kernels
