// Any function of one int8 value as a table, on the GPU: formula and problem are engine/cpu/lut/lut.h's.
#pragma once

#include "engine/cpu/lut/lut.h"
#include "engine/cuda/kernel.h"

namespace qat::cuda {

using LutKernel = Kernel<kernels::LutProblem, kernels::LutArgs>;

std::span<const LutKernel> lut_kernels();

}  // namespace qat::cuda
