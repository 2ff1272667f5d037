// Concatenation of int8 tensors on the GPU: formula and problem are engine/cpu/concat/concat.h's, the layout
// engine/cuda/kernel.h's.
#pragma once

#include "engine/cpu/concat/concat.h"
#include "engine/cuda/kernel.h"

namespace qat::cuda {

using ConcatKernel = Kernel<kernels::ConcatProblem, kernels::ConcatArgs>;

std::span<const ConcatKernel> concat_kernels();

}  // namespace qat::cuda
