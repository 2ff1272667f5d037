// Sum of two int8 tensors on the GPU: formula and problem are engine/cpu/add/add.h's, the layout
// engine/cuda/kernel.h's.
#pragma once

#include "engine/cpu/add/add.h"
#include "engine/cuda/kernel.h"

namespace qat::cuda {

using AddKernel = Kernel<kernels::AddProblem, kernels::AddArgs>;

std::span<const AddKernel> add_kernels();

}  // namespace qat::cuda
