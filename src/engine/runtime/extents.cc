// One rule an operator: see extents.h.
#include "engine/runtime/extents.h"

#include <algorithm>

#include "base/error.h"

namespace qat::engine {

namespace {

std::string where(const Step& step) { return cat("[", name_of(step.op), " ", step.name, "] "); }

// floor or ceil of the windows that fit; with ceil a window that starts in the end padding is dropped.
int64_t windows(const Step& s, size_t d, int64_t in) {
  const StepAttrs& a = s.attrs;
  const int64_t room = in + a.pads[d] + a.pads[2 + d] - int64_t{a.dilation[d]} * (a.kernel[d] - 1) - 1;
  if (room < 0) {
    fail(Code::kUsage, where(s), "a window of ", a.kernel[d], " does not fit an extent of ", in,
         "; give a larger input");
  }
  int64_t extent = room / a.stride[d] + 1;
  if (a.ceil_mode && room % a.stride[d] != 0) ++extent;
  if (a.ceil_mode && (extent - 1) * a.stride[d] >= in + a.pads[d]) --extent;
  return extent;
}

int64_t transposed(const Step& s, size_t d, int64_t in) {
  const StepAttrs& a = s.attrs;
  const int64_t out = (in - 1) * a.stride[d] + int64_t{a.dilation[d]} * (a.kernel[d] - 1) + a.output_padding[d] + 1 -
                      a.pads[d] - a.pads[2 + d];
  if (out <= 0) fail(Code::kUsage, where(s), "empty output for an extent of ", in, "; give a larger input");
  return out;
}

Extents broadcast(const Step& s, const Extents& a, const Extents& b) {
  const auto one = [&](int64_t x, int64_t y) {
    if (x != y && x != 1 && y != 1) fail(Code::kUsage, where(s), "extents ", x, " and ", y, " do not broadcast");
    return std::max(x, y);
  };
  return {one(a.n, b.n), one(a.h, b.h), one(a.w, b.w)};
}

Extents output_extents(const Step& s, const std::vector<Extents>& in) {
  const Extents& x = in[0];
  switch (s.op) {
    case StepOp::kConv:
    case StepOp::kFloatConv:
    case StepOp::kMaxPool:
    case StepOp::kAvgPool:
    case StepOp::kFloatMaxPool:
    case StepOp::kFloatAvgPool:
      return {x.n, windows(s, 0, x.h), windows(s, 1, x.w)};
    case StepOp::kFloatConvTranspose:
      return {x.n, transposed(s, 0, x.h), transposed(s, 1, x.w)};
    case StepOp::kFloatPad:
      return {x.n, x.h + s.attrs.pads[0] + s.attrs.pads[2], x.w + s.attrs.pads[1] + s.attrs.pads[3]};
    case StepOp::kGemm:
    case StepOp::kFloatGemm:
      if (x.h != s.attrs.kernel[0] || x.w != s.attrs.kernel[1]) {
        fail(Code::kUsage, where(s), "expected an image of ", s.attrs.kernel[0], "x", s.attrs.kernel[1], " here, got ",
             x.h, "x", x.w, ": this network's form fixes height and width");
      }
      return {x.n, 1, 1};
    case StepOp::kGlobalAvgPool:
    case StepOp::kFloatGlobalAvgPool:
    case StepOp::kFlatten:
      return {x.n, 1, 1};
    case StepOp::kAdd:
    case StepOp::kMul:
    case StepOp::kFloatBinary:
      return broadcast(s, in[0], in[1]);
    default:
      return x;
  }
}

void check_equal(const Step& s, const Extents& a, const Extents& b, const char* what) {
  if (!(a == b)) {
    fail(Code::kUsage, where(s), what, ": expected ", a.n, "x", a.h, "x", a.w, ", got ", b.n, "x", b.h, "x", b.w);
  }
}

}  // namespace

std::vector<Extents> infer_extents(const Plan& plan, const InputShape& shape) {
  std::vector<Extents> extents(plan.tensors.size());
  for (const Step& s : plan.steps) {
    std::vector<Extents> in;
    for (const int32_t id : s.inputs) {
      in.push_back(id < 0 ? Extents{shape[0], shape[2], shape[3]} : extents[static_cast<size_t>(id)]);
    }
    const Extents out = output_extents(s, in);
    const bool concat = s.op == StepOp::kConcat || s.op == StepOp::kFloatConcat;
    for (size_t i = 1; concat && i < in.size(); ++i) check_equal(s, in[0], in[i], "inputs of a concatenation");
    const bool layer =
        s.op == StepOp::kConv || s.op == StepOp::kGemm || s.op == StepOp::kFloatConv || s.op == StepOp::kFloatGemm;
    if (layer && in.size() > 1) check_equal(s, out, in[1], "skip");
    if (s.op == StepOp::kFlatten && s.output >= 0) {
      const int64_t c = plan.tensors[static_cast<size_t>(s.inputs[0])].channels * in[0].h * in[0].w;
      if (c != plan.tensors[static_cast<size_t>(s.output)].channels) {
        fail(Code::kUsage, where(s), "flattens to ", c, " values, ",
             plan.tensors[static_cast<size_t>(s.output)].channels,
             " were compiled: this network's form fixes height and width");
      }
    }
    if (s.output >= 0) extents[static_cast<size_t>(s.output)] = out;
  }
  return extents;
}

void check_profile(const Plan& plan, const InputShape& shape) {
  static constexpr const char* kNames[] = {"batch", "channels", "height", "width"};
  for (size_t i = 0; i < 4; ++i) {
    const int64_t lo = plan.profile.min[i], hi = plan.profile.max[i];
    if (i == 1 && shape[i] != hi) {  // no other build changes that
      fail(Code::kUsage, "[input ", plan.input.name, "] the network takes images of ", hi,
           hi == 1 ? " channel" : " channels", ", not of ", shape[i]);
    }
    if (shape[i] < lo || shape[i] > hi) {
      fail(Code::kUsage, "[input ", plan.input.name, "] ", kNames[i], " ", shape[i], " is outside the engine's ", lo,
           "..", hi, " (built for ", join(plan.profile.min, "x"), " to ", join(plan.profile.max, "x"),
           "); build with other --minShapes and --maxShapes");
    }
  }
}

}  // namespace qat::engine
