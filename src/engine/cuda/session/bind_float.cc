// Float steps: our own kernels for depthwise layers, cuDNN for other convolutions where it has a form, plain kernels
// for the rest.
#include <cmath>

#include "base/error.h"
#include "engine/cuda/float_depthwise/float_depthwise.h"
#include "engine/cuda/float_layer/float_convs.h"
#include "engine/cuda/session/sides.h"

namespace qat::cuda {

using engine::Extents;
using engine::FloatFunction;
using engine::PlanTensor;
using engine::Storage;
using kernels::FloatLayout;

namespace {

FloatKind kind_of(const PlanTensor& t) { return t.storage == Storage::kF16 ? FloatKind::kF16 : FloatKind::kF32; }

// f32 or f16, the same for all tensors that are not constants.
FloatKind kind_of(const BindContext& c) {
  bool ok = c.view.out().storage != Storage::kU8;
  for (size_t i = 0; i < c.step().inputs.size(); ++i) {
    ok = ok && (c.view.in(i).storage == c.view.out().storage || c.view.in(i).constant.size != 0);
  }
  expect(c.step(), ok, "needs float tensors of one type");
  return kind_of(c.view.out());
}

}  // namespace

BoundStep bind_float_layer(const BindContext& c) {
  const FloatKind kind = kind_of(c);
  kernels::FloatConvProblem p = float_conv_problem(c.view, FloatLayout::kNhwc);
  p.epilogue.p1 = std::isinf(c.left_clip(c.step().output)) ? p.epilogue.p1 : std::numeric_limits<float>::infinity();
  const FloatConvArgs args{.x = c.in(0),
                           .weights = c.floats_blob(0, p.out_channels * (p.x.c / p.groups) * p.kernel_h * p.kernel_w),
                           .bias = c.floats_blob(1, p.out_channels),
                           .skip = c.view.has_skip() ? c.in(1) : nullptr,
                           .y = c.out()};
  if (c.depthwise != nullptr) {
    if (std::optional<BoundStep> step = c.depthwise->bind({p, kind, c.left_clip(c.step().inputs[0])}, args))
      return *step;
  }
  if (c.convs != nullptr) {
    if (std::optional<BoundStep> step = c.convs->bind(p, kind, args)) return *step;
  }
  return {.kernel = "float_conv", .launch = [=](void*, cudaStream_t s) { return float_conv(p, kind, args, s); }};
}

BoundStep bind_float_conv_transpose(const BindContext& c) {
  const FloatKind kind = kind_of(c);
  const engine::StepAttrs& a = c.step().attrs;
  const int64_t in = c.view.in(0).channels, out = c.view.out().channels;
  expect(c.step(), in % a.groups == 0 && out % a.groups == 0, "groups do not divide the channels");
  const FloatConvArgs args{.x = c.in(0),
                           .weights = c.floats_blob(0, in * (out / a.groups) * a.kernel[0] * a.kernel[1]),
                           .bias = c.floats_blob(1, out),
                           .y = c.out()};
  const FloatTransposeProblem p{a, in, out, c.view.in_extents(0), c.view.out_extents()};
  return {.kernel = "float_conv_transpose",
          .launch = [=](void*, cudaStream_t s) { return float_conv_transpose(p, kind, args, s); }};
}

BoundStep bind_float_pool(const BindContext& c) {
  const FloatKind kind = kind_of(c);
  const kernels::FloatPoolProblem p = float_pool_problem(c.view, FloatLayout::kNhwc);
  return {.kernel = "float_pool",
          .launch = [=, x = c.in(0), y = c.out()](void*, cudaStream_t s) { return float_pool(p, kind, x, y, s); }};
}

BoundStep bind_float_binary(const BindContext& c) {
  const engine::StepAttrs& a = c.step().attrs;
  const int64_t channels = c.view.out().channels;
  expect(c.step(), a.function <= FloatFunction::kDiv, "is not a function of two values");
  const auto operand = [&](size_t i) {
    const PlanTensor& t = c.view.in(i);
    const Extents& e = c.view.in_extents(i);
    expect(c.step(), t.channels == channels || t.channels == 1, "channels do not broadcast");
    const int64_t pitch = tensor_pitch(t);
    return FloatOperand{.data = c.in(i),
                        .kind = kind_of(t),
                        .n = e.n == 1 ? 0 : e.h * e.w * pitch,
                        .h = e.h == 1 ? 0 : e.w * pitch,
                        .w = e.w == 1 ? 0 : pitch,
                        .c = t.channels == 1 ? 0 : 1};
  };
  const Extents& e = c.view.out_extents();
  const FloatBinaryOp op{.function = a.function,
                         .activation = a.activation,
                         .p0 = a.p0,
                         .p1 = a.p1,
                         .a = operand(0),
                         .b = operand(1),
                         .y = c.out(),
                         .kind = kind_of(c),
                         .batch = e.n,
                         .height = e.h,
                         .width = e.w,
                         .channels = channels};
  return {.kernel = cat("float_", name_of(a.function)),
          .launch = [op](void*, cudaStream_t s) { return float_binary(op, s); }};
}

BoundStep bind_float_unary(const BindContext& c) {
  const engine::StepAttrs& a = c.step().attrs;
  expect(c.step(), c.view.in(0).channels == c.view.out().channels, "channels differ");
  expect(c.step(), a.function >= FloatFunction::kClip, "is not a function of one value");
  const FloatUnaryOp op{.function = a.function,
                        .p0 = a.p0,
                        .p1 = a.p1,
                        .kind = kind_of(c),
                        .x = c.in(0),
                        .y = c.out(),
                        .elements = c.view.out_extents().pixels() * tensor_pitch(c.view.out())};
  return {.kernel = cat("float_", name_of(a.function)),
          .launch = [op](void*, cudaStream_t s) { return float_unary(op, s); }};
}

BoundStep bind_float_softmax(const BindContext& c) {
  expect(c.step(), c.view.in(0).channels == c.view.out().channels, "channels differ");
  return {.kernel = "float_softmax",
          .launch = [kind = kind_of(c), x = c.in(0), y = c.out(), pixels = c.view.out_extents().pixels(),
                     k = int64_t{c.view.out().channels}](void*, cudaStream_t s) {
            return float_softmax(kind, x, y, pixels, k, s);
          }};
}

// A fill, and a copy of what lies inside.
BoundStep bind_float_pad(const BindContext& c) {
  const FloatKind kind = kind_of(c);
  const engine::StepAttrs& a = c.step().attrs;
  const PlanTensor& t = c.view.out();
  expect(c.step(), c.view.in(0).channels == t.channels, "channels differ");
  const Extents &in = c.view.in_extents(0), &out = c.view.out_extents();
  ConvertProblem p = convert_problem(t.channels, in, side_of(c.view.in(0), in), side_of(t, out));
  p.copies = true;
  const int64_t offset = (int64_t{a.pads[0]} * out.w + a.pads[1]) * tensor_pitch(t) * element_bytes(t.storage);
  const BoundStep inside = bound_convert(c, p, {.x = c.in(0), .y = c.out() + offset});
  const int64_t elements = out.pixels() * tensor_pitch(t);
  return {.kernel = "float_pad", .launch = [=, y = c.out(), value = a.value](void* workspace, cudaStream_t stream) {
            const cudaError_t status = float_fill(kind, y, elements, value, stream);
            return status == cudaSuccess ? inside.launch(workspace, stream) : status;
          }};
}

}  // namespace qat::cuda
