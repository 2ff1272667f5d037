// Int8 depthwise convolution on the GPU: formula, problem and arguments are engine/cpu/depthwise/depthwise.h's, the
// layout engine/cuda/kernel.h's.
#pragma once

#include "engine/cpu/depthwise/depthwise.h"
#include "engine/cuda/kernel.h"

namespace qat::cuda {

using DepthwiseKernel = WeightKernel<kernels::DepthwiseProblem, kernels::DepthwiseArgs>;

std::span<const DepthwiseKernel> depthwise_kernels();  // fastest first, the last is depthwise_s8_reference

}  // namespace qat::cuda
