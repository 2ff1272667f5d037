// Binding: extents, then memory, then kernels: see shape_binding.h.
#include "engine/runtime/shape_binding.h"

#include <algorithm>

namespace qat::engine {

std::unique_ptr<ShapeBinding> bind_shape(const Plan& plan, const InputShape& shape, const BindOptions& options) {
  check_profile(plan, shape);
  auto b = std::make_unique<ShapeBinding>();
  b->shape = shape;
  b->extents = infer_extents(plan, shape);
  const MemoryPlan memory = plan_memory(plan, b->extents, options.keep_tensors);
  b->arena = AlignedBuffer(memory.bytes);
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    const Blob& constant = plan.tensors[i].constant;
    b->memory.push_back(constant.size == 0 ? b->arena.data() + memory.offsets[i]
                                           : const_cast<std::byte*>(plan.bytes(constant).data()));
  }
  for (const Step& step : plan.steps) {
    const BindContext context{.view = {plan, step, b->extents},
                              .memory = b->memory,
                              .floats = options.floats,
                              .layout = options.layout,
                              .threads = options.threads};
    b->steps.push_back(bind_step(context));
    b->scratch_bytes = std::max(b->scratch_bytes, b->steps.back()->scratch_bytes());
  }
  return b;
}

namespace {

bool in_library(const Plan& plan, const Step& s) {
  switch (s.op) {
    case StepOp::kFloatConv:
    case StepOp::kFloatGemm:
    case StepOp::kFloatMaxPool:
    case StepOp::kFloatAvgPool:
    case StepOp::kFloatGlobalAvgPool:
    case StepOp::kFloatConcat:
    case StepOp::kFloatSoftmax:
      return true;
    case StepOp::kReadF32:
    case StepOp::kWriteF32:
      return true;
    case StepOp::kFloatBinary: {
      const auto& a = plan.tensors[static_cast<size_t>(s.inputs[0])];
      const auto& b = plan.tensors[static_cast<size_t>(s.inputs[1])];
      const bool function = s.attrs.function == FloatFunction::kAdd || s.attrs.function == FloatFunction::kMul;
      return function && a.constant.size == 0 && b.constant.size == 0 && a.channels == b.channels;
    }
    case StepOp::kFloatUnary:
      return s.attrs.function == FloatFunction::kClip || s.attrs.function == FloatFunction::kHardSwish ||
             s.attrs.function == FloatFunction::kSilu;
    default:
      return false;
  }
}

}  // namespace

bool all_in_float_library(const Plan& plan) {
  return std::all_of(plan.steps.begin(), plan.steps.end(), [&](const Step& s) { return in_library(plan, s); }) &&
         std::none_of(plan.tensors.begin(), plan.tensors.end(),
                      [](const PlanTensor& t) { return t.storage == Storage::kU8; });
}

kernels::FloatLayout float_layout(const Plan& plan, kernels::FloatBackend* floats) {
  if (floats == nullptr || !all_in_float_library(plan)) return kernels::FloatLayout::kNhwc;
  auto type = kernels::FloatType::kF32;
  for (const PlanTensor& t : plan.tensors) {
    if (t.storage == Storage::kBF16) type = kernels::FloatType::kBF16;
  }
  return floats->preferred_layout(type);
}

bool wants_float_library(const Plan& plan) {
  return std::any_of(plan.steps.begin(), plan.steps.end(), [](const Step& s) {
    return s.op >= StepOp::kFloatConv && s.op <= StepOp::kFloatUnary && s.op != StepOp::kFloatConvTranspose;
  });
}

}  // namespace qat::engine
