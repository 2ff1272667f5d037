// The entries of the fully connected table that are not convolutions.
#pragma once

#include "engine/cuda/gemm/gemm.h"

namespace qat::cuda {

extern const GemmKernel kGemmReference;

}  // namespace qat::cuda
