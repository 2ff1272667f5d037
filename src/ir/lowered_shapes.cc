// Shapes of the lowered operators, and what they need of their inputs' codings: see lowered.h.
#include "ir/lowered.h"
#include "ir/op_table.h"
#include "ir/shape_functions.h"

namespace qat::ir {

namespace {

DType coded_type(const ShapeContext& c) { return is_coded(c.graph, c.node.output) ? DType::kI32 : DType::kF32; }

// The float operator's rule on the same inputs; `inputs` of them count.
Inferred by_rule(const ShapeContext& c, Op op, Attrs attrs, size_t inputs) {
  Node plain = c.node;
  plain.op = op;
  plain.attrs = std::move(attrs);
  plain.inputs.resize(std::min(plain.inputs.size(), inputs));
  ShapeContext context{.graph = c.graph, .node = plain, .inputs = c.inputs};
  context.inputs.resize(plain.inputs.size());
  Inferred inferred = shape_function(op)(context);
  inferred.type = coded_type(c);
  return inferred;
}

void expect_skip(const ShapeContext& c, size_t input, const Dims& dims) {
  if (c.inputs.size() <= input || c.node.inputs[input] == kNone) return;
  bool same = c.inputs[input].size() == dims.size();
  for (size_t i = 0; same && i < dims.size(); ++i) {
    same = dims[i] == c.inputs[input][i] || dims[i] == kDynamic || c.inputs[input][i] == kDynamic;
  }
  if (!same)
    fail(Code::kBadFile, place(c.node), " expected a skip ", to_text(dims), ", got ", to_text(c.inputs[input]));
}

Inferred fused_conv_shape(const ShapeContext& c) {
  const bool quantized = c.node.op == Op::kQConv;
  Inferred y = by_rule(c, Op::kConv, c.node.as<FusedConvAttrs>().conv, quantized ? 2 : 3);
  expect_skip(c, quantized ? 4 : 3, y.dims);
  return y;
}

Inferred fused_gemm_shape(const ShapeContext& c) {
  const bool quantized = c.node.op == Op::kQGemm;
  Inferred y = by_rule(c, Op::kGemm, std::monostate{}, quantized ? 2 : 3);
  expect_skip(c, quantized ? 4 : 3, y.dims);
  return y;
}

// Views keep the coding of what they view.
Inferred coded_flatten_shape(const ShapeContext& c) { return {flatten_shape(c).dims, coded_type(c)}; }
Inferred coded_reshape_shape(const ShapeContext& c) { return {reshape_shape(c).dims, coded_type(c)}; }
Inferred code_shape(const ShapeContext& c) { return {c.inputs[0], coded_type(c)}; }
Inferred q_binary_shape(const ShapeContext& c) { return by_rule(c, Op::kAdd, std::monostate{}, 2); }
Inferred q_max_pool_shape(const ShapeContext& c) { return by_rule(c, Op::kMaxPool, c.node.as<PoolAttrs>(), 1); }
Inferred q_avg_pool_shape(const ShapeContext& c) { return by_rule(c, Op::kAvgPool, c.node.as<QPoolAttrs>().pool, 1); }
Inferred q_global_pool_shape(const ShapeContext& c) { return by_rule(c, Op::kGlobalAvgPool, std::monostate{}, 1); }
Inferred q_concat_shape(const ShapeContext& c) {
  return by_rule(c, Op::kConcat, AxisAttrs{c.node.as<RequantAttrs>().axis}, c.inputs.size());
}

[[noreturn]] void bad(const Node& node, const std::string& what) { fail(Code::kBadFile, place(node), " ", what); }

void expect_coded(const Graph& graph, const Node& node, size_t input) {
  if (!is_coded(graph, node.inputs.at(input))) bad(node, cat("expected input ", input, " to be int8-coded"));
}

void verify_layer(const Graph& graph, const Node& node) {
  expect_coded(graph, node, 0);
  if (node.inputs.size() < 4) bad(node, "expected x, weight, multipliers and biases");
  const Value& weight = graph.value(node.inputs[1]);
  if (!graph.has_data(node.inputs[1]) || weight.type != DType::kI8) bad(node, "expected a constant i8 weight");
  for (const size_t i : {size_t{2}, size_t{3}}) {
    const Value& per_channel = graph.value(node.inputs[i]);
    if (!graph.has_data(node.inputs[i]) || per_channel.type != DType::kF32 ||
        per_channel.data.size() != weight.data.dim(0)) {
      bad(node, cat("expected ", weight.data.dim(0), " f32 values in input ", i));
    }
  }
  if (node.inputs.size() > 4 && node.inputs[4] != kNone) expect_coded(graph, node, 4);
}

void verify_requant(const Graph& graph, const Node& node, size_t scales) {
  for (size_t i = 0; i < node.inputs.size(); ++i) expect_coded(graph, node, i);
  if (node.as<RequantAttrs>().scales.size() != scales) bad(node, cat("expected ", scales, " scales"));
}

void verify_node(const Graph& graph, const Node& node) {
  switch (node.op) {
    case Op::kQConv:
    case Op::kQGemm:
      return verify_layer(graph, node);
    case Op::kQAdd:
      return verify_requant(graph, node, 2);
    case Op::kQMul:
      return verify_requant(graph, node, 1);
    case Op::kQConcat:
      return verify_requant(graph, node, node.inputs.size());
    case Op::kQuantize:
      if (is_coded(graph, node.inputs[0]) || !is_coded(graph, node.output)) bad(node, "codes a float value");
      return;
    case Op::kQLut: {
      expect_coded(graph, node, 0);
      const QuantInfo& x = *graph.value(node.inputs[0]).quant;
      const Value& table = graph.value(node.inputs[1]);
      if (!graph.has_data(node.inputs[1]) || table.type != DType::kI32 || table.data.size() != x.hi - x.lo + 1) {
        bad(node, cat("expected a table of ", x.hi - x.lo + 1, " entries"));
      }
      return;
    }
    case Op::kDequantize:
    case Op::kQMaxPool:
    case Op::kQAvgPool:
    case Op::kQGlobalAvgPool:
      return expect_coded(graph, node, 0);
    default:
      return;
  }
}

const bool kRegistered = register_lowered_shapes();

}  // namespace

void verify_lowered(const Graph& graph) {
  for (const Node& node : graph.nodes) verify_node(graph, node);
}

bool register_lowered_shapes() {
  shape_function(Op::kQuantize) = code_shape;
  shape_function(Op::kDequantize) = code_shape;
  shape_function(Op::kQLut) = code_shape;
  shape_function(Op::kFlatten) = coded_flatten_shape;
  shape_function(Op::kReshape) = coded_reshape_shape;
  shape_function(Op::kQConv) = fused_conv_shape;
  shape_function(Op::kFConv) = fused_conv_shape;
  shape_function(Op::kQGemm) = fused_gemm_shape;
  shape_function(Op::kFGemm) = fused_gemm_shape;
  shape_function(Op::kQAdd) = q_binary_shape;
  shape_function(Op::kQMul) = q_binary_shape;
  shape_function(Op::kQMaxPool) = q_max_pool_shape;
  shape_function(Op::kQAvgPool) = q_avg_pool_shape;
  shape_function(Op::kQGlobalAvgPool) = q_global_pool_shape;
  shape_function(Op::kQConcat) = q_concat_shape;
  return true;
}

}  // namespace qat::ir
