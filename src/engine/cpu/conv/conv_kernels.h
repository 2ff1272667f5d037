// The entries of the convolution's table, one file per ISA.
#pragma once

#include "engine/cpu/conv/conv.h"

namespace qat::kernels {

extern const ConvKernel kConv14x32Avx512Vnni;
extern const ConvKernel kConvReference;

}  // namespace qat::kernels
