// Tensors of a plan as the sides of a conversion.
#pragma once

#include "engine/cuda/convert/convert.h"
#include "engine/cuda/session/bound_step.h"

namespace qat::cuda {

Element element_of(engine::Storage storage);
ConvertSide side_of(const engine::PlanTensor& t, const engine::Extents& e);  // as it lies on the GPU
ConvertSide nchw_side(int64_t channels, const engine::Extents& e);           // the caller's f32 [N,C,H,W]
ConvertProblem convert_problem(int64_t channels, const engine::Extents& e, const ConvertSide& from,
                               const ConvertSide& to);

// The table's first kernel that does it.
BoundStep bound_convert(const BindContext& c, const ConvertProblem& problem, const ConvertArgs& args);

}  // namespace qat::cuda
