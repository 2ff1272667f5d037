// Choice of kernels by measurement on a GPU.
#pragma once

#include "engine/compile/tactics.h"

namespace qat::engine {

// choose_kernels for a plan of Device::kCuda: names the kernel of every int8 layer and packs its weights; other steps
// have one form. Layers of one shape are timed once. Throws Error(kWrongMachine) without a GPU.
void choose_cuda_kernels(Draft& draft, const BuildRequest& request, TimingCache& cache, BuildReport& report);

// fp16: every tensor but constants.
void to_f16(Draft& draft);

}  // namespace qat::engine
