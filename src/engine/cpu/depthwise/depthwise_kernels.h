// The entries of the depthwise table, one file per ISA.
#pragma once

#include "engine/cpu/depthwise/depthwise.h"

namespace qat::kernels {

extern const DepthwiseKernel kDepthwiseReference;

}  // namespace qat::kernels
