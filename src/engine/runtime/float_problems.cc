// Float problems from steps, and what steps cost: see problems.h.
#include "engine/runtime/problems.h"

namespace qat::engine {

using namespace kernels;  // NOLINT: this file is about them

FloatTensor float_tensor(const PlanTensor& t, const Extents& e, FloatLayout layout) {
  return {.type = t.storage == Storage::kBF16 ? FloatType::kBF16 : FloatType::kF32,
          .layout = layout,
          .n = e.n,
          .c = t.channels,
          .h = e.h,
          .w = e.w};
}

namespace {

void expect_float(const StepView& v) {
  bool ok = v.out().storage != Storage::kU8;
  for (size_t i = 0; i < v.step.inputs.size(); ++i) ok = ok && v.in(i).storage == v.out().storage;
  expect(v.step, ok, "needs float tensors of one type");
}

}  // namespace

FloatConvProblem float_conv_problem(const StepView& v, FloatLayout layout) {
  expect_float(v);
  const StepAttrs& a = v.step.attrs;
  FloatConvProblem p;
  p.x = float_tensor(v.in(0), v.in_extents(0), layout);
  p.out_channels = v.out().channels;
  p.groups = a.groups;
  p.kernel_h = a.kernel[0], p.kernel_w = a.kernel[1];
  p.stride_h = a.stride[0], p.stride_w = a.stride[1];
  p.dilation_h = a.dilation[0], p.dilation_w = a.dilation[1];
  p.pad_top = a.pads[0], p.pad_left = a.pads[1], p.pad_bottom = a.pads[2], p.pad_right = a.pads[3];
  p.epilogue = {.activation = a.activation, .p0 = a.p0, .p1 = a.p1, .has_skip = v.has_skip()};
  expect(v.step, p.x.c % p.groups == 0 && p.out_channels % p.groups == 0, "groups do not divide the channels");
  const auto weights = static_cast<uint64_t>(p.out_channels * (p.x.c / p.groups) * p.kernel_h * p.kernel_w);
  expect(v.step, v.step.blobs[0].size == 4 * weights, "weights of another size");
  expect(v.step, v.step.blobs[1].size == 4 * static_cast<uint64_t>(p.out_channels), "biases of another size");
  expect(v.step, !v.has_skip() || v.in(1).channels == v.out().channels, "needs a skip of its own channels");
  return p;
}

FloatPoolProblem float_pool_problem(const StepView& v, FloatLayout layout) {
  expect_float(v);
  expect(v.step, v.in(0).channels == v.out().channels, "channels differ");
  const StepAttrs& a = v.step.attrs;
  const Extents& e = v.in_extents(0);
  FloatPoolProblem p;
  p.x = float_tensor(v.in(0), e, layout);
  p.out_h = v.out_extents().h, p.out_w = v.out_extents().w;
  if (v.step.op == StepOp::kFloatGlobalAvgPool) {
    p.kind = FloatPool::kAverage;
    p.kernel_h = e.h, p.kernel_w = e.w;
    return p;
  }
  p.kind = v.step.op == StepOp::kFloatMaxPool ? FloatPool::kMax
           : a.count_include_pad              ? FloatPool::kAverageIncludePad
                                              : FloatPool::kAverage;
  p.kernel_h = a.kernel[0], p.kernel_w = a.kernel[1];
  p.stride_h = a.stride[0], p.stride_w = a.stride[1];
  p.dilation_h = a.dilation[0], p.dilation_w = a.dilation[1];
  p.pad_top = a.pads[0], p.pad_left = a.pads[1], p.pad_bottom = a.pads[2], p.pad_right = a.pads[3];
  return p;
}

Cost cost_of(const StepView& v) {
  Cost cost;
  const auto bytes = [](const PlanTensor& t, const Extents& e) {
    return static_cast<double>(e.pixels() * pitch_of(t) * element_bytes(t.storage));
  };
  for (size_t i = 0; i < v.step.inputs.size(); ++i) {
    if (v.step.inputs[i] >= 0) cost.bytes += bytes(v.in(i), v.in_extents(i));
  }
  for (const Blob& blob : v.step.blobs) cost.weight_bytes += static_cast<double>(blob.size);
  cost.bytes += cost.weight_bytes;
  if (v.step.output < 0) return {.bytes = 2 * cost.bytes};
  const double outputs = static_cast<double>(v.out_extents().pixels()) * v.out().channels;
  cost.bytes += bytes(v.out(), v.out_extents());
  const StepAttrs& a = v.step.attrs;
  const double window = static_cast<double>(a.kernel[0]) * a.kernel[1];
  switch (v.step.op) {
    case StepOp::kConv:
    case StepOp::kFloatConv:
    case StepOp::kFloatConvTranspose:
    case StepOp::kGemm:
    case StepOp::kFloatGemm:
      cost.operations = 2 * outputs * window * v.in(0).channels / a.groups;
      break;
    case StepOp::kMaxPool:
    case StepOp::kAvgPool:
    case StepOp::kFloatMaxPool:
    case StepOp::kFloatAvgPool:
      cost.operations = outputs * window;
      break;
    default:
      cost.operations = outputs;
  }
  return cost;
}

}  // namespace qat::engine
