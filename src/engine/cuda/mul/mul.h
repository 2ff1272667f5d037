// Product of two int8 tensors, or a tensor and a gate, on the GPU: formula and problem are engine/cpu/mul/mul.h's, the
// layout engine/cuda/kernel.h's.
#pragma once

#include "engine/cpu/mul/mul.h"
#include "engine/cuda/kernel.h"

namespace qat::cuda {

using MulKernel = Kernel<kernels::MulProblem, kernels::MulArgs>;

std::span<const MulKernel> mul_kernels();

}  // namespace qat::cuda
