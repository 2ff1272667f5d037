// What the builder asks of an int8 layer: its kernels, packed weights, and a kernel's time. See backend.h.
#pragma once

#include "engine/cuda/backend.h"

namespace qat::cuda {

std::vector<engine::CudaTactic> tactics(const engine::StepView& v, int capability);
void pack(const engine::StepView& v, const std::string& kernel, const int8_t* weights, void* packed);
double time_tactic(const engine::StepView& v, const std::string& kernel, const void* packed, double rival);
void free_trial_memory();

}  // namespace qat::cuda
