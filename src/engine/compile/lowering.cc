// The walk and the two forms of a value: see lowering.h.
#include "engine/compile/lowering.h"

#include <cmath>

#include "base/error.h"
#include "ir/op_table.h"

namespace qat::engine {

using ir::kNone;
using ir::Node;
using ir::Op;
using ir::ValueId;

Lowering::Lowering(const ir::Graph& o, PassContext& c)
    : old(o), uses(o), context(c), float_(o.values.size(), kNone), coded_(o.values.size(), kNone) {
  graph.name = old.name;
  graph.metadata = old.metadata;
  for (const ValueId id : old.inputs) {
    const ir::Value& input = old.value(id);
    set_float(id, graph.add_input(input.name, input.dims, input.type));
  }
}

ir::Graph Lowering::run() {
  using Rule = bool (*)(Lowering&, const Node&);
  const auto rule = [](Op op) -> Rule {
    switch (op) {
      case Op::kFakeQuant:
        return lower_fake_quant;
      case Op::kFConv:
      case Op::kFGemm:
        return lower_layer;
      case Op::kAdd:
      case Op::kMul:
      case Op::kConcat:
        return lower_join;
      case Op::kMaxPool:
      case Op::kAvgPool:
      case Op::kGlobalAvgPool:
        return lower_pool;
      case Op::kFlatten:
      case Op::kReshape:
        return lower_view;
      case Op::kRelu:
      case Op::kClip:
      case Op::kSigmoid:
      case Op::kHardSigmoid:
      case Op::kHardSwish:
      case Op::kSilu:
      case Op::kLeakyRelu:
      case Op::kTanh:
        return lower_table;
      default:
        return nullptr;
    }
  };
  for (const Node& node : old.nodes) {
    if (skipped_.contains(node.output)) continue;
    const Rule lower = context.int8 ? rule(node.op) : nullptr;
    if (lower == nullptr && context.int8) stays_float(node, "this operator has no int8 form");
    if (lower == nullptr || !lower(*this, node)) copy_node(node);
  }
  for (const ValueId id : old.outputs) graph.outputs.push_back(as_float(id));
  ir::prune(graph);
  return std::move(graph);
}

namespace {

// The values of a weight behind a FakeQuant: (q - z) s.
Tensor on_grid(const ir::Graph& graph, const Node& fake_quant) {
  const ir::QuantRange range = ir::quant_range(graph, fake_quant);
  const Tensor& weight = graph.value(fake_quant.inputs[0]).data;
  Tensor values(DType::kF32, weight.shape());
  int64_t inner = 1, channels = 1;
  if (range.axis >= 0) {
    channels = weight.dim(static_cast<size_t>(range.axis));
    for (size_t d = static_cast<size_t>(range.axis) + 1; d < weight.shape().size(); ++d) inner *= weight.dim(d);
  }
  for (int64_t i = 0; i < values.size(); ++i) {
    const auto at = static_cast<size_t>(i), channel = static_cast<size_t>(i / inner % channels);
    const size_t k = range.scale.size() == 1 ? 0 : channel;
    const int32_t q = quantize(weight.data<float>()[at], range.scale[k], range.zero_point[k], range.lo, range.hi);
    values.data<float>()[at] = dequantize(q, range.scale[k], range.zero_point[k]);
  }
  return values;
}

}  // namespace

ValueId Lowering::as_float(ValueId value) {
  if (value == kNone) return kNone;
  ValueId& now = float_[index(value)];
  if (now != kNone) return now;
  const ir::Value& v = old.value(value);
  const Node* made = producer(old, uses, value);
  if (is_data(value)) {
    now = graph.add_buffer(v.name, v.data);
  } else if (made != nullptr && made->op == Op::kFakeQuant && is_data(made->inputs[0])) {
    now = graph.add_buffer(made->name + ".on_grid", on_grid(old, *made));
  } else {
    QAT_ASSERT(coded(value) != kNone);
    // Values of the old graph may share an int8 form (a quantizer whose producer wrote its coding already).
    ValueId& floats = dequantized_.try_emplace(coded(value), kNone).first->second;
    if (floats == kNone) {
      const std::string name = graph.value(coded(value)).name + ".dequantize";
      floats = graph.add_node(Op::kDequantize, name, {coded(value)});
    }
    now = floats;
  }
  return now;
}

ValueId Lowering::emit(Op op, const std::string& name, std::vector<ValueId> inputs, ir::Attrs attrs,
                       const std::optional<ir::QuantInfo>& quant, ValueId value) {
  const ValueId output = graph.add_node(op, name, std::move(inputs), std::move(attrs));
  graph.value(output).quant = quant;
  if (quant) {
    graph.value(output).type = DType::kI32;
    set_coded(value, output);
  } else {
    set_float(value, output);
  }
  return output;
}

void Lowering::copy_node(const Node& node) {
  std::vector<ValueId> inputs;
  for (const ValueId id : node.inputs) inputs.push_back(as_float(id));
  emit(node.op, node.name, std::move(inputs), node.attrs, std::nullopt, node.output);
}

std::optional<ir::QuantInfo> Lowering::wanted(ValueId value) const {
  if (uses.is_output[index(value)] || uses.consumers[index(value)].empty()) return std::nullopt;
  std::optional<ir::QuantInfo> coding;
  for (const ir::NodeId id : uses.consumers[index(value)]) {
    const auto other = coding_of(old, old.nodes[static_cast<size_t>(id)]);
    if (!other || (coding && !same_coding(*coding, *other))) return std::nullopt;
    coding = other;
  }
  return coding;
}

std::string Lowering::unwanted(ValueId value) const {
  if (uses.is_output[index(value)]) return "its result is an output of the network";
  bool quantized = false;
  for (const ir::NodeId id : uses.consumers[index(value)]) {
    const Node& reader = old.nodes[static_cast<size_t>(id)];
    if (!coding_of(old, reader)) return cat("its result goes unquantized to ", ir::place(reader));
    quantized = true;
  }
  return quantized ? "its readers quantize it with different scales" : "nobody quantizes its result";
}

bool Lowering::non_negative(ValueId value) const {
  const Node* node = producer(old, uses, value);
  if (node == nullptr) return false;
  switch (node->op) {
    case Op::kRelu:
    case Op::kSigmoid:
    case Op::kHardSigmoid:
    case Op::kSoftmax:
      return true;
    case Op::kClip:
      return node->as<ir::ClipAttrs>().lo >= 0;
    case Op::kFConv:
    case Op::kFGemm:
      return epilogue_of(*node).activation == Activation::kClip && epilogue_of(*node).p0 >= 0;
    case Op::kMaxPool:
    case Op::kAvgPool:
    case Op::kGlobalAvgPool:
    case Op::kFlatten:
    case Op::kReshape:
    case Op::kFakeQuant:
    case Op::kConcat:
    case Op::kAdd:
    case Op::kMul: {
      const size_t inputs = node->op == Op::kFakeQuant ? 1 : node->inputs.size();
      for (size_t i = 0; i < inputs; ++i) {
        if (!non_negative(node->inputs[i])) return false;
      }
      return true;
    }
    default:
      return false;
  }
}

void Lowering::stays_float(const Node& node, const std::string& why) {
  context.report.not_int8.push_back(cat(ir::place(node), " stays in float: ", why));
}

ir::QuantInfo tighten(ir::QuantInfo quant, ir::Epilogue& e, bool non_negative) {
  const int z = quant.zero_point;
  if (non_negative) quant.lo = std::max(quant.lo, z);
  if (e.activation != Activation::kClip || e.p0 > 0 || e.p1 < 0) return quant;
  quant.lo = std::max(quant.lo, z + round_clamp(e.p0, -512, 0));
  quant.hi = std::min(quant.hi, z + round_clamp(e.p1, 0, 512));
  e.activation = Activation::kNone;
  e.p0 = 0.0f;
  e.p1 = std::numeric_limits<float>::infinity();
  return quant;
}

const Node* activation_behind(const Lowering& l, ValueId value) {
  const Node* reader = sole_consumer(l.old, l.uses, value);
  return reader != nullptr && activation_of(*reader) ? reader : nullptr;
}

// By value, as every pass.
ir::Graph lower_int8(ir::Graph graph, PassContext& context) {  // NOLINT(performance-unnecessary-value-param)
  return Lowering(graph, context).run();
}

}  // namespace qat::engine
