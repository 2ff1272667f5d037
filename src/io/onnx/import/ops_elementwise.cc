// Activations, arithmetic of two tensors, and operators that do nothing at inference.
#include <algorithm>
#include <limits>
#include <map>

#include "io/onnx/import/table.h"

namespace qat::onnxio {

namespace {

constexpr float kHuge = std::numeric_limits<float>::max();

void add_unary(Importer& in, const Node& node, ir::Op op, ir::Attrs attrs = {}) {
  in.set(node, in.add(op, in.module(node), {in.value(node, 0)}, std::move(attrs)));
}

// A Clip from 0 with no upper bound is a Relu.
void add_clip(Importer& in, const Node& node, size_t x, float lo, float hi) {
  if (!(lo <= hi)) fail(Code::kBadFile, node.label(), " expected min <= max, got ", lo, " and ", hi);
  const bool relu = lo == 0.0f && hi >= kHuge;
  const ir::Attrs attrs = relu ? ir::Attrs{} : ir::ClipAttrs{.lo = lo, .hi = hi};
  in.set(node, in.add(relu ? ir::Op::kRelu : ir::Op::kClip, in.module(node), {in.value(node, x)}, attrs));
}

float bound(Importer& in, const Node& node, size_t input, float fallback) {
  if (!node.has_input(input)) return fallback;
  const auto values = in.floats(node, input, "a bound");
  if (values.size() != 1) fail(Code::kBadFile, node.label(), " expected one number as a bound, got ", values.size());
  return values[0];
}

}  // namespace

void import_unary(Importer& in, const Node& node) {
  static const std::map<std::string, ir::Op> kOps{{"Relu", ir::Op::kRelu},
                                                  {"Sigmoid", ir::Op::kSigmoid},
                                                  {"Tanh", ir::Op::kTanh},
                                                  {"HardSwish", ir::Op::kHardSwish}};
  add_unary(in, node, kOps.at(node.op));
}

void import_swish(Importer& in, const Node& node) {
  if (node.real("alpha", 1.0f) != 1.0f) throw Unsupported{"has an alpha other than 1"};
  add_unary(in, node, ir::Op::kSilu);
}

void import_alpha_beta(Importer& in, const Node& node) {
  if (node.op == "LeakyRelu") {
    add_unary(in, node, ir::Op::kLeakyRelu, ir::AlphaBetaAttrs{.alpha = node.real("alpha", 0.01f), .beta = 0.0f});
  } else {
    const ir::AlphaBetaAttrs attrs{.alpha = node.real("alpha", 0.2f), .beta = node.real("beta", 0.5f)};
    add_unary(in, node, ir::Op::kHardSigmoid, attrs);
  }
}

namespace {

// Between QuantizeLinear and DequantizeLinear (torch writes its 7-bit ranges so) it narrows the grid.
void clip_quantized(Importer& in, const Node& node, Quantized quantized) {
  const auto narrow = [&](size_t input, int& limit) {
    if (!node.has_input(input)) return;
    const Tensor value = in.constant(node, input, "a bound").data.to(DType::kI32);
    if (value.size() == 1) limit = std::clamp(value.data<int32_t>()[0], quantized.grid.lo, quantized.grid.hi);
  };
  narrow(1, quantized.grid.lo);
  narrow(2, quantized.grid.hi);
  in.set(node, std::move(quantized));
}

}  // namespace

void import_clip(Importer& in, const Node& node) {
  if (const auto* quantized = std::get_if<Quantized>(&in.slot(node, 0))) return clip_quantized(in, node, *quantized);
  const bool inputs = in.opset() >= 11;
  const float lo = inputs ? bound(in, node, 1, -kHuge) : node.real("min", -kHuge);
  const float hi = inputs ? bound(in, node, 2, kHuge) : node.real("max", kHuge);
  add_clip(in, node, 0, lo, hi);
}

// Max(x, 0) and Min(x, 6) are halves of a Clip.
void import_min_max(Importer& in, const Node& node) {
  if (node.inputs.size() != 2) throw Unsupported{"is supported with one constant number only"};
  const size_t number = in.known(node, 0) != nullptr ? 0 : 1;
  if (in.constant(node, number, "the other side").data.size() != 1) {
    throw Unsupported{"is supported with one constant number only"};
  }
  const float value = bound(in, node, number, 0.0f);
  const bool max = node.op == "Max";
  add_clip(in, node, 1 - number, max ? value : -kHuge, max ? kHuge : value);
}

void import_binary(Importer& in, const Node& node) {
  static const std::map<std::string, ir::Op> kOps{
      {"Add", ir::Op::kAdd}, {"Sub", ir::Op::kSub}, {"Mul", ir::Op::kMul}, {"Div", ir::Op::kDiv}};
  const ir::ValueId a = in.value(node, 0), b = in.value(node, 1);
  in.set(node, in.add(kOps.at(node.op), in.module(node), {a, b}));
}

void import_sum(Importer& in, const Node& node) {
  ir::ValueId sum = in.value(node, 0);
  for (size_t i = 1; i < node.inputs.size(); ++i) sum = in.add(ir::Op::kAdd, in.module(node), {sum, in.value(node, i)});
  in.set(node, sum);
}

void import_dropout(Importer& in, const Node& node) {
  float ratio = 0.5f;
  if (in.opset() >= 12 && node.has_input(1)) {
    const auto values = in.floats(node, 1, "the ratio");
    if (values.size() == 1) ratio = values[0];
  } else if (in.opset() < 12) {
    ratio = node.real("ratio", 0.5f);
  }
  if (!(ratio >= 0.0f && ratio < 1.0f)) fail(Code::kBadFile, node.label(), " expected a ratio in [0, 1), got ", ratio);
  add_unary(in, node, ir::Op::kDropout, ir::DropoutAttrs{.p = ratio});
}

// A constant's alias is a tensor of its own: exporters share equal initial values this way, and training parts them.
void import_identity(Importer& in, const Node& node) {
  Slot slot = in.slot(node, 0);
  if (auto* known = std::get_if<Known>(&slot)) known->name = node.outputs[0];
  in.set(node, std::move(slot));
}

// Between floating types it changes nothing here: the graph computes in float32.
void import_cast(Importer& in, const Node& node) {
  const int64_t to = node.integer("to", 0);
  const bool floating = to == 1 || to == 10 || to == 11 || to == 16;  // TensorProto: FLOAT, FLOAT16, DOUBLE, BFLOAT16
  if (!floating) throw Unsupported{"casts an activation to integers"};
  in.set(node, in.value(node, 0));
}

void import_softmax(Importer& in, const Node& node) {
  const int64_t rank = in.rank(in.value(node, 0));
  const int64_t axis = normalize_axis(node, node.integer("axis", in.opset() < 13 ? 1 : -1), rank);
  // Before opset 13 all axes from `axis` on are one.
  if (in.opset() < 13 && axis != rank - 1) throw Unsupported{"normalizes over several axes (opset 12)"};
  add_unary(in, node, ir::Op::kSoftmax, ir::AxisAttrs{.axis = axis});
}

}  // namespace qat::onnxio
