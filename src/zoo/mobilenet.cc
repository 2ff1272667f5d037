// MobileNetV2 (Sandler et al. 2018), as torchvision has it.
#include "zoo/builder.h"
#include "zoo/nets.h"

namespace qat::zoo {

using ir::Op;
using ir::ValueId;

namespace {

// Convolution, norm, ReLU6: a torchvision ConvNormActivation of members name.0, name.1, name.2.
ValueId conv_norm_relu6(Builder& b, const std::string& name, ValueId x, ConvSpec spec) {
  spec.pad = (spec.kernel - 1) / 2;
  x = b.norm(name + ".1", b.conv(name + ".0", x, spec), spec.out);
  return b.node(Op::kClip, name + ".2", {x}, ir::ClipAttrs{.lo = 0.0f, .hi = 6.0f});
}

struct Inverted {
  int64_t in, out, stride, expand;
};

ValueId inverted_residual(Builder& b, const std::string& name, ValueId x, const Inverted& s) {
  const int64_t hidden = s.in * s.expand;
  ValueId y = x;
  int member = 0;
  if (s.expand != 1) y = conv_norm_relu6(b, cat(name, ".conv.", member++), y, {.in = s.in, .out = hidden, .kernel = 1});
  y = conv_norm_relu6(b, cat(name, ".conv.", member++), y,
                      {.in = hidden, .out = hidden, .stride = s.stride, .groups = hidden});
  y = b.conv(cat(name, ".conv.", member), y, {.in = hidden, .out = s.out, .kernel = 1, .pad = 0});
  y = b.norm(cat(name, ".conv.", member + 1), y, s.out);
  const bool residual = s.stride == 1 && s.in == s.out;
  return residual ? b.node(Op::kAdd, name + ".add", {x, y}) : y;
}

}  // namespace

ir::Graph mobilenet_v2(const NetOptions& options) {
  struct Stage {
    int64_t expand, out, repeat, stride;
  };
  constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                               {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
  Builder b("mobilenet_v2");
  ValueId x = b.input("input", {ir::kDynamic, options.in_channels, options.height, options.width});
  x = conv_norm_relu6(b, "features.0", x, {.in = options.in_channels, .out = 32, .stride = 2});
  int64_t in = 32;
  int index = 1;
  for (const Stage& stage : kStages) {
    for (int64_t i = 0; i < stage.repeat; ++i) {
      const Inverted spec{.in = in, .out = stage.out, .stride = i == 0 ? stage.stride : 1, .expand = stage.expand};
      x = inverted_residual(b, cat("features.", index++), x, spec);
      in = stage.out;
    }
  }
  x = conv_norm_relu6(b, cat("features.", index), x, {.in = in, .out = 1280, .kernel = 1});
  x = b.node(Op::kGlobalAvgPool, "avgpool", {x});
  x = b.node(Op::kFlatten, "flatten", {x}, ir::AxisAttrs{.axis = 1});
  x = b.node(Op::kDropout, "classifier.0", {x}, ir::DropoutAttrs{.p = 0.2f});
  return b.finish(b.linear("classifier.1", x, 1280, options.classes));
}

}  // namespace qat::zoo
