// Which clips are left: see left_clips.h.
#include "engine/cuda/session/left_clips.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/cuda/float_depthwise/float_depthwise.h"

namespace qat::cuda {

using engine::Plan;
using engine::Step;
using engine::StepOp;
using engine::Storage;

namespace {

bool runs_depthwise(const Plan& plan, const Step& step, const std::vector<engine::Extents>& extents) {
  if (step.op != StepOp::kFloatConv) return false;
  const engine::StepView v{plan, step, extents};
  const FloatKind kind = v.out().storage == Storage::kF16 ? FloatKind::kF16 : FloatKind::kF32;
  return FloatDepthwise::takes(float_conv_problem(v, kernels::FloatLayout::kNhwc), kind);
}

// The only reader of a tensor, if that is its only input and a depthwise layer.
bool depthwise_alone_reads(const Plan& plan, int32_t tensor, const std::vector<engine::Extents>& extents) {
  const Step* reader = nullptr;
  for (const Step& step : plan.steps) {
    if (std::find(step.inputs.begin(), step.inputs.end(), tensor) == step.inputs.end()) continue;
    if (reader != nullptr || step.inputs.size() != 1) return false;
    reader = &step;
  }
  return reader != nullptr && runs_depthwise(plan, *reader, extents);
}

}  // namespace

std::vector<float> left_clips(const Plan& plan, const std::vector<engine::Extents>& extents) {
  std::vector<float> limits(plan.tensors.size(), std::numeric_limits<float>::infinity());
  for (const Step& step : plan.steps) {
    const engine::StepAttrs& a = step.attrs;
    const bool relu6 = step.op == StepOp::kFloatConv && a.activation == Activation::kClip && a.p0 == 0.0f &&
                       a.p1 > 0.0f && std::isfinite(a.p1);
    if (!relu6 || runs_depthwise(plan, step, extents)) continue;  // our own kernels clip at no cost
    if (depthwise_alone_reads(plan, step.output, extents)) limits[static_cast<size_t>(step.output)] = a.p1;
  }
  return limits;
}

}  // namespace qat::cuda
