// Int8 problems from steps: see problems.h.
#include "engine/runtime/problems.h"

#include "base/error.h"

namespace qat::engine {

using namespace kernels;  // NOLINT: this file is about them

void refuse(const Step& step, const char* what) {
  fail(Code::kBadFile, "[", name_of(step.op), " ", step.name, "] ", what);
}

namespace {

void expect_u8(const StepView& v, const PlanTensor& t) {
  expect(v.step, t.storage == Storage::kU8, "needs int8 tensors");
}

Epilogue epilogue(const StepView& v) {
  const StepAttrs& a = v.step.attrs;
  const PlanTensor& y = v.out();
  Epilogue e{.activation = a.activation, .p0 = a.p0, .p1 = a.p1};
  expect(v.step, y.storage != Storage::kBF16, "writes int8 or f32");
  e.output = y.storage == Storage::kU8 ? Output::kU8 : Output::kF32;
  if (e.output == Output::kU8) {
    e.zero_point = y.zero;
    e.lo = y.lo;
    e.hi = y.hi;
  }
  return e;
}

Epilogue layer_epilogue(const StepView& v) {
  Epilogue e = epilogue(v);
  if (!v.has_skip()) return e;
  expect_u8(v, v.in(1));
  expect(v.step, v.in(1).channels == v.out().channels, "needs a skip of its own channels");
  e.has_skip = true;
  e.skip_zero_point = v.in(1).zero;
  const StepAttrs& a = v.step.attrs;
  e.skip_scale = a.skip_scale;
  e.middle = a.middle == engine::Middle::kNone    ? kernels::Middle::kNone
             : a.middle == engine::Middle::kFirst ? kernels::Middle::kFirst
                                                  : kernels::Middle::kSecond;
  e.middle_scale = a.middle_scale;
  e.middle_lo = a.middle_lo, e.middle_hi = a.middle_hi;
  return e;
}

template <class Problem>
void set_geometry(Problem& p, const StepAttrs& a) {
  p.kernel_h = a.kernel[0], p.kernel_w = a.kernel[1];
  p.stride_h = a.stride[0], p.stride_w = a.stride[1];
  p.dilation_h = a.dilation[0], p.dilation_w = a.dilation[1];
  p.pad_top = a.pads[0], p.pad_left = a.pads[1], p.pad_bottom = a.pads[2], p.pad_right = a.pads[3];
}

template <class Problem>
void set_input(Problem& p, const StepView& v) {
  expect_u8(v, v.in(0));
  p.in_zero_point = v.in(0).zero;
  p.batch = v.in_extents(0).n, p.in_h = v.in_extents(0).h, p.in_w = v.in_extents(0).w;
}

}  // namespace

bool is_depthwise(const StepView& v) {
  return v.step.attrs.groups > 1 && v.step.attrs.groups == v.in(0).channels && v.step.attrs.groups == v.out().channels;
}

ConvProblem conv_problem(const StepView& v) {
  ConvProblem p;
  set_geometry(p, v.step.attrs);
  set_input(p, v);
  p.in_channels = v.in(0).channels;
  p.out_channels = v.out().channels;
  p.groups = v.step.attrs.groups;
  expect(v.step, p.in_channels % p.groups == 0 && p.out_channels % p.groups == 0, "groups do not divide the channels");
  p.in_highest = v.in(0).hi;
  p.sum_bits = v.step.attrs.sum_bits;
  p.epilogue = layer_epilogue(v);
  return p;
}

DepthwiseProblem depthwise_problem(const StepView& v) {
  DepthwiseProblem p;
  set_geometry(p, v.step.attrs);
  set_input(p, v);
  p.channels = v.in(0).channels;
  p.in_highest = v.in(0).hi;
  p.epilogue = layer_epilogue(v);
  return p;
}

GemmProblem gemm_problem(const StepView& v) {
  expect_u8(v, v.in(0));
  return {.channels = v.in(0).channels,
          .positions = int64_t{v.step.attrs.kernel[0]} * v.step.attrs.kernel[1],
          .outputs = v.out().channels,
          .in_zero_point = v.in(0).zero,
          .in_highest = v.in(0).hi,
          .epilogue = layer_epilogue(v),
          .rows = v.in_extents(0).n};
}

AddProblem add_problem(const StepView& v) {
  expect_u8(v, v.in(0)), expect_u8(v, v.in(1));
  expect(v.step, v.step.attrs.scales.size() == 2, "needs two scales");
  expect(v.step, v.in(0).channels == v.out().channels && v.in(1).channels == v.out().channels, "channels differ");
  expect(v.step, v.in_extents(0) == v.in_extents(1), "adds tensors of one shape");
  return {.channels = v.out().channels,
          .a_zero_point = v.in(0).zero,
          .b_zero_point = v.in(1).zero,
          .a_scale = v.step.attrs.scales[0],
          .b_scale = v.step.attrs.scales[1],
          .epilogue = epilogue(v),
          .pixels = v.out_extents().pixels()};
}

MulProblem mul_problem(const StepView& v) {
  expect_u8(v, v.in(0)), expect_u8(v, v.in(1));
  expect(v.step, v.step.attrs.scales.size() == 1, "needs one scale");
  expect(v.step, v.in(0).channels == v.out().channels && v.in(1).channels == v.out().channels, "channels differ");
  const Extents &a = v.in_extents(0), &b = v.in_extents(1);
  const bool same = a == b;
  expect(v.step, same || (b.n == a.n && b.h == 1 && b.w == 1),
         "the second factor is neither like the first nor a gate");
  return {.shape = same ? MulShape::kSame : MulShape::kGate,
          .channels = v.out().channels,
          .a_zero_point = v.in(0).zero,
          .b_zero_point = v.in(1).zero,
          .scale = v.step.attrs.scales[0],
          .epilogue = epilogue(v),
          .batch = a.n,
          .pixels = a.h * a.w};
}

PoolProblem pool_problem(const StepView& v) {
  PoolProblem p;
  set_geometry(p, v.step.attrs);
  set_input(p, v);
  const PlanTensor& y = v.out();
  expect_u8(v, y);
  expect(v.step, v.in(0).channels == y.channels, "channels differ");
  p.kind = v.step.op == StepOp::kMaxPool ? Pool::kMax : v.step.op == StepOp::kAvgPool ? Pool::kAverage : Pool::kGlobal;
  p.channels = y.channels;
  p.count_include_pad = v.step.attrs.count_include_pad;
  p.scale = v.step.attrs.pool_scale;
  p.zero_point = y.zero, p.lo = y.lo, p.hi = y.hi;
  p.out_h = v.out_extents().h, p.out_w = v.out_extents().w;
  expect(v.step, p.kind != Pool::kMax || p.zero_point == p.in_zero_point, "keeps the coding of its input");
  for (const size_t d : {0, 1}) {
    const StepAttrs& a = v.step.attrs;
    const bool inside = a.pads[d] < a.kernel[d] * a.dilation[d] && a.pads[2 + d] < a.kernel[d] * a.dilation[d];
    expect(v.step, p.kind == Pool::kGlobal || inside, "has windows that lie in the padding");
  }
  return p;
}

LutProblem lut_problem(const StepView& v) {
  expect_u8(v, v.in(0)), expect_u8(v, v.out());
  expect(v.step, v.in(0).channels == v.out().channels && v.step.blobs[0].size == 256, "needs a table of 256 bytes");
  return {.channels = v.out().channels, .zero_point = v.out().zero, .pixels = v.out_extents().pixels()};
}

std::vector<ConcatInput> concat_inputs(const StepView& v) {
  std::vector<ConcatInput> inputs;
  int64_t sum = 0;
  expect(v.step, v.step.attrs.scales.size() == v.step.inputs.size(), "needs a scale an input");
  for (size_t i = 0; i < v.step.inputs.size(); ++i) {
    expect_u8(v, v.in(i));
    inputs.push_back({.channels = v.in(i).channels, .zero_point = v.in(i).zero, .scale = v.step.attrs.scales[i]});
    sum += v.in(i).channels;
  }
  expect(v.step, sum == v.out().channels, "channels do not add up");
  return inputs;
}

ConcatProblem concat_problem(const StepView& v, std::span<const ConcatInput> inputs) {
  expect_u8(v, v.out());
  const PlanTensor& y = v.out();
  return {.inputs = inputs, .zero_point = y.zero, .lo = y.lo, .hi = y.hi, .pixels = v.out_extents().pixels()};
}

QuantizeProblem quantize_problem(const StepView& v, QuantizeSource source, const Extents& e) {
  const PlanTensor& y = v.out();
  expect_u8(v, y);
  return {.source = source,
          .channels = y.channels,
          .scale = y.scale,
          .zero_point = y.zero,
          .lo = y.lo,
          .hi = y.hi,
          .batch = e.n,
          .height = e.h,
          .width = e.w};
}

DequantizeProblem dequantize_problem(const StepView& v, DequantizeTarget target) {
  const PlanTensor& x = v.in(0);
  const Extents& e = v.in_extents(0);
  expect_u8(v, x);
  return {.target = target,
          .channels = x.channels,
          .scale = x.scale,
          .zero_point = x.zero,
          .batch = e.n,
          .height = e.h,
          .width = e.w};
}

}  // namespace qat::engine
