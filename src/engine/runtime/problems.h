// From a step and the extents of its tensors to the problem structs of the kernels; the builder's measurements and the
// session share it.
#pragma once

#include <optional>

#include "engine/cpu/add/add.h"
#include "engine/cpu/concat/concat.h"
#include "engine/cpu/conv/conv.h"
#include "engine/cpu/depthwise/depthwise.h"
#include "engine/cpu/dequantize/dequantize.h"
#include "engine/cpu/float_ops.h"
#include "engine/cpu/gemm/gemm.h"
#include "engine/cpu/lut/lut.h"
#include "engine/cpu/mul/mul.h"
#include "engine/cpu/pool/pool.h"
#include "engine/cpu/quantize/quantize.h"
#include "engine/runtime/extents.h"

namespace qat::engine {

// A step with its tensors looked up; constants have extents 1.
struct StepView {
  const Plan& plan;
  const Step& step;
  const std::vector<Extents>& extents;

  const PlanTensor& tensor(int32_t id) const { return plan.tensors.at(static_cast<size_t>(id)); }
  const PlanTensor& in(size_t i) const { return tensor(step.inputs.at(i)); }
  const PlanTensor& out() const { return tensor(step.output); }
  const Extents& in_extents(size_t i) const { return extents.at(static_cast<size_t>(step.inputs.at(i))); }
  const Extents& out_extents() const { return extents.at(static_cast<size_t>(step.output)); }
  bool has_skip() const { return step.inputs.size() > 1; }
};

[[noreturn]] void refuse(const Step& step, const char* what);  // Error(kBadFile) naming the step
inline void expect(const Step& step, bool ok, const char* what) {
  if (!ok) refuse(step, what);
}

// Each throws Error(kBadFile), naming the step, when storages, channels or blobs do not fit the op.
bool is_depthwise(const StepView& v);  // kConv with one channel a group
kernels::ConvProblem conv_problem(const StepView& v);
kernels::DepthwiseProblem depthwise_problem(const StepView& v);
kernels::GemmProblem gemm_problem(const StepView& v);
kernels::AddProblem add_problem(const StepView& v);
kernels::MulProblem mul_problem(const StepView& v);
kernels::PoolProblem pool_problem(const StepView& v);
kernels::LutProblem lut_problem(const StepView& v);
std::vector<kernels::ConcatInput> concat_inputs(const StepView& v);
kernels::ConcatProblem concat_problem(const StepView& v, std::span<const kernels::ConcatInput> inputs);
kernels::QuantizeProblem quantize_problem(const StepView& v, kernels::QuantizeSource source, const Extents& extents);
kernels::DequantizeProblem dequantize_problem(const StepView& v, kernels::DequantizeTarget target);

kernels::FloatTensor float_tensor(const PlanTensor& t, const Extents& e, kernels::FloatLayout layout);
kernels::FloatConvProblem float_conv_problem(const StepView& v, kernels::FloatLayout layout);  // kFloatConv, kFloatGemm
kernels::FloatPoolProblem float_pool_problem(const StepView& v, kernels::FloatLayout layout);

// Multiply-adds count twice; bytes: inputs, blobs and output once each.
struct Cost {
  double operations = 0, bytes = 0, weight_bytes = 0;  // bytes: weight_bytes among them
};
Cost cost_of(const StepView& v);

}  // namespace qat::engine
