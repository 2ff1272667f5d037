// A tensor as it lies in memory to f32 in NCHW order: what compare and the tests look at.
#pragma once

#include "engine/runtime/extents.h"

namespace qat::engine {

// pitch: elements a pixel.
std::vector<float> to_nchw(const PlanTensor& t, const Extents& e, int64_t pitch, const std::byte* memory);

}  // namespace qat::engine
