// Int8 layers with weights: one visitor over their tables, for binding and for the builder.
#pragma once

#include "engine/cuda/conv/conv.h"
#include "engine/cuda/depthwise/depthwise.h"
#include "engine/cuda/gemm/gemm.h"
#include "engine/runtime/problems.h"

namespace qat::cuda {

// visit(table, problem) for a kConv or kGemm step.
template <class Visit>
auto visit_layer(const engine::StepView& v, const Visit& visit) {
  if (v.step.op == engine::StepOp::kGemm) return visit(gemm_kernels(), gemm_problem(v));
  if (is_depthwise(v)) return visit(depthwise_kernels(), depthwise_problem(v));
  return visit(conv_kernels(), conv_problem(v));
}

}  // namespace qat::cuda
