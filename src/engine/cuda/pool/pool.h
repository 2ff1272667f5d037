// Int8 pooling on the GPU: formula and problem are engine/cpu/pool/pool.h's, the layout engine/cuda/kernel.h's.
#pragma once

#include "engine/cpu/pool/pool.h"
#include "engine/cuda/kernel.h"

namespace qat::cuda {

using PoolKernel = Kernel<kernels::PoolProblem, kernels::PoolArgs>;

std::span<const PoolKernel> pool_kernels();

}  // namespace qat::cuda
