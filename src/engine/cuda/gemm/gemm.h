// Int8 fully connected layer on the GPU: formula, problem and arguments are engine/cpu/gemm/gemm.h's, the layout
// engine/cuda/kernel.h's: a row is `positions` groups of pitch_of(channels) bytes.
#pragma once

#include "engine/cpu/gemm/gemm.h"
#include "engine/cuda/kernel.h"

namespace qat::cuda {

using GemmKernel = WeightKernel<kernels::GemmProblem, kernels::GemmArgs>;

std::span<const GemmKernel> gemm_kernels();  // fastest first, the last is gemm_s8_reference

}  // namespace qat::cuda
