// Quantizers, joins, pools, views and tables to their int8 forms.
#include "base/error.h"
#include "engine/compile/lowering.h"
#include "ir/op_table.h"

namespace qat::engine {

using ir::kNone;
using ir::Node;
using ir::Op;
using ir::ValueId;

namespace {

// q -> q' of any function of one value, by the float formulas of base/qmath.h.
template <class Function>
Tensor table_of(const ir::QuantInfo& x, const ir::QuantInfo& y, const Function& f) {
  Tensor table(DType::kI32, {x.hi - x.lo + 1});
  for (int q = x.lo; q <= x.hi; ++q) {
    table.data<int32_t>()[static_cast<size_t>(q - x.lo)] =
        quantize(f(dequantize(q, x.scale, x.zero_point)), y.scale, y.zero_point, y.lo, y.hi);
  }
  return table;
}

}  // namespace

bool lower_fake_quant(Lowering& l, const Node& node) {
  const ValueId x = node.inputs[0];
  if (l.is_data(x)) return true;  // a weight: its layer takes the integers, or asks for floats on the grid
  const std::optional<ir::QuantInfo> coding = coding_of(l.old, node);
  if (!coding) fail(Code::kBadFile, ir::place(node), " quantizes an activation per channel; give one scale per tensor");
  if (l.coded(x) == kNone) {
    ir::Epilogue none;
    const ir::QuantInfo quant = tighten(*coding, none, l.non_negative(x));
    l.emit(Op::kQuantize, node.name, {l.as_float(x)}, {}, quant, node.output);
    return true;
  }
  const ir::QuantInfo& have = l.coding(x);
  if (have.scale == coding->scale && have.zero_point == coding->zero_point && have.lo >= coding->lo &&
      have.hi <= coding->hi) {
    l.set_coded(node.output, l.coded(x));  // its producer wrote it so
    return true;
  }
  ir::Epilogue none;
  const ir::QuantInfo quant = tighten(*coding, none, l.non_negative(x));
  const ValueId table =
      l.graph.add_buffer(node.name + ".table", table_of(have, quant, [](float value) { return value; }));
  l.emit(Op::kQLut, node.name, {l.coded(x), table}, {}, quant, node.output);
  return true;
}

namespace {

// Scales of the inputs over the output's.
std::vector<float> ratios(const Lowering& l, const Node& node, double out_scale) {
  std::vector<float> scales;
  for (const ValueId id : node.inputs) scales.push_back(static_cast<float>(l.coding(id).scale / out_scale));
  return scales;
}

bool lower_concat(Lowering& l, const Node& node) {
  std::vector<ValueId> inputs;
  bool equal = true;
  for (const ValueId id : node.inputs) {
    inputs.push_back(l.coded(id));
    equal = equal && l.coding(id).scale == l.coding(node.inputs[0]).scale &&
            l.coding(id).zero_point == l.coding(node.inputs[0]).zero_point;
  }
  std::optional<ir::QuantInfo> target = l.wanted(node.output);
  if (!target && !equal) {
    l.stays_float(node, "its inputs have different scales and " + l.unwanted(node.output));
    return false;
  }
  if (!target) {
    target = l.coding(node.inputs[0]);
    for (const ValueId id : node.inputs) {
      target->lo = std::min(target->lo, l.coding(id).lo);
      target->hi = std::max(target->hi, l.coding(id).hi);
    }
  }
  ir::Epilogue none;
  const ir::QuantInfo quant = tighten(*target, none, l.non_negative(node.output));
  const ir::RequantAttrs attrs{.scales = ratios(l, node, quant.scale), .axis = node.as<ir::AxisAttrs>().axis};
  l.emit(Op::kQConcat, node.name, inputs, attrs, quant, node.output);
  return true;
}

// Kernels add tensors of one shape and multiply by a tensor of one shape or by a gate [N,C,1,1].
bool fits(const Lowering& l, const Node& node, bool* swap) {
  const ir::Dims &a = l.old.value(node.inputs[0]).dims, &b = l.old.value(node.inputs[1]).dims;
  if (a == b) return true;
  const auto gate = [](const ir::Dims& x, const ir::Dims& g) {
    return x.size() == 4 && g.size() == 4 && g[0] == x[0] && g[1] == x[1] && g[2] == 1 && g[3] == 1;
  };
  *swap = gate(b, a);
  return node.op == Op::kMul && (gate(a, b) || *swap);
}

}  // namespace

bool lower_join(Lowering& l, const Node& node) {
  for (const ValueId id : node.inputs) {
    if (l.coded(id) != kNone) continue;
    l.stays_float(node, l.is_data(id) ? "one input is a constant" : "an input is not quantized");
    return false;
  }
  if (node.op == Op::kConcat) return lower_concat(l, node);
  bool swap = false;
  if (!fits(l, node, &swap)) {
    l.stays_float(node, "its inputs broadcast");
    return false;
  }
  const Node* behind = activation_behind(l, node.output);
  const ValueId result = behind != nullptr ? behind->output : node.output;
  const std::optional<ir::QuantInfo> target = l.wanted(result);
  const double out_scale = target ? target->scale : 1.0;
  ir::RequantAttrs attrs;
  if (behind != nullptr) attrs.epilogue = *activation_of(*behind);
  attrs.epilogue = scaled(attrs.epilogue, out_scale);
  const double sa = l.coding(node.inputs[0]).scale, sb = l.coding(node.inputs[1]).scale;
  attrs.scales = ratios(l, node, out_scale);
  if (node.op == Op::kMul) attrs.scales = {static_cast<float>(sa * sb / out_scale)};
  std::optional<ir::QuantInfo> quant = target;
  if (quant) quant = tighten(*quant, attrs.epilogue, l.non_negative(result));
  std::vector<ValueId> inputs{l.coded(node.inputs[0]), l.coded(node.inputs[1])};
  if (swap) std::swap(inputs[0], inputs[1]);
  l.emit(node.op == Op::kAdd ? Op::kQAdd : Op::kQMul, node.name, inputs, attrs, quant, result);
  if (behind != nullptr) {
    l.context.absorb(node.name, behind->name);
    l.skip(*behind);
  }
  return true;
}

bool lower_pool(Lowering& l, const Node& node) {
  const ValueId x = node.inputs[0];
  if (l.coded(x) == kNone) {
    l.stays_float(node, "its input is not quantized");
    return false;
  }
  const ir::QuantInfo have = l.coding(x);
  if (node.op == Op::kMaxPool) {
    l.emit(Op::kQMaxPool, node.name, {l.coded(x)}, node.as<ir::PoolAttrs>(), have, node.output);
    return true;
  }
  const std::optional<ir::QuantInfo> target = l.wanted(node.output);
  if (!target) {
    l.stays_float(node, l.unwanted(node.output));
    return false;
  }
  ir::Epilogue none;
  const ir::QuantInfo quant = tighten(*target, none, l.non_negative(x));
  ir::QPoolAttrs attrs{.scale = static_cast<double>(have.scale) / quant.scale};
  if (node.op == Op::kAvgPool) attrs.pool = node.as<ir::PoolAttrs>();
  l.emit(node.op == Op::kAvgPool ? Op::kQAvgPool : Op::kQGlobalAvgPool, node.name, {l.coded(x)}, attrs, quant,
         node.output);
  return true;
}

bool lower_view(Lowering& l, const Node& node) {
  const ValueId x = node.inputs[0];
  if (l.coded(x) == kNone) return false;  // moves values only: not worth a line
  l.emit(node.op, node.name, {l.coded(x)}, node.attrs, l.coding(x), node.output);
  return true;
}

bool lower_table(Lowering& l, const Node& node) {
  const ValueId x = node.inputs[0];
  const std::optional<ir::QuantInfo> target = l.wanted(node.output);
  if (l.coded(x) == kNone || !target) {
    l.stays_float(node, l.coded(x) == kNone ? "its input is not quantized" : l.unwanted(node.output));
    return false;
  }
  ir::Epilogue none;
  const ir::QuantInfo quant = tighten(*target, none, l.non_negative(node.output));
  const Tensor table = table_of(l.coding(x), quant, [&](float value) { return ir::apply_function(node, value); });
  const ValueId id = l.graph.add_buffer(node.name + ".table", table);
  l.emit(Op::kQLut, node.name, {l.coded(x), id}, {}, quant, node.output);
  return true;
}

}  // namespace qat::engine
