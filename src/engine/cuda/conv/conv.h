// Int8 convolution on the GPU: formula, problem and arguments are engine/cpu/conv/conv.h's, the layout
// engine/cuda/kernel.h's.
//
// On the tensor cores it is a matrix product: rows are output pixels, columns output channels, and the depth runs over
// the window's taps and, within a tap, over a pixel's bytes (conv_shape.h).
#pragma once

#include "engine/cpu/conv/conv.h"
#include "engine/cuda/kernel.h"

namespace qat::cuda {

using ConvKernel = WeightKernel<kernels::ConvProblem, kernels::ConvArgs>;

std::span<const ConvKernel> conv_kernels();  // fastest first, the last is conv_s8_reference

}  // namespace qat::cuda
