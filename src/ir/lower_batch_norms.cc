// BatchNorms that no layer took in become layers of their own: see canonical.h.
#include <cmath>

#include "ir/canonical.h"
#include "ir/fold_batch_norm.h"

namespace qat::ir {

namespace {

Tensor rounded(const std::vector<double>& values, Shape shape) {
  Tensor t(DType::kF32, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i) t.data<float>()[i] = static_cast<float>(values[i]);
  return t;
}

// f as q * s with q = sign(f) and s = |f|: exact, so a quantized input gives an int8 layer.
ValueId unit_quantizer(Graph& graph, NodeId before, const std::string& name, ValueId weight,
                       const std::vector<double>& factor) {
  std::vector<double> scale;
  scale.reserve(factor.size());
  for (const double f : factor) scale.push_back(static_cast<float>(f) == 0.0f ? 1.0 : std::abs(f));
  const auto channels = static_cast<int64_t>(scale.size());
  const ValueId range = graph.add_buffer(name + ".scale", rounded(scale, {channels}));
  return graph.insert_node(before, Op::kFakeQuant, name + ".quantizer", {weight, range},
                           FakeQuantAttrs{.range = RangeKind::kScale, .axis = 0, .lo = -127});
}

bool quantized(const Graph& graph, ValueId value) {
  const Uses uses(graph);
  const NodeId made = uses.producer[static_cast<size_t>(value)];
  return made != kNone && graph.nodes[static_cast<size_t>(made)].op == Op::kFakeQuant;
}

// [N,C]: y = x * scale + shift with constants that broadcast.
void to_mul_add(Graph& graph, NodeId at, const Affine& affine) {
  const Node norm = graph.nodes[static_cast<size_t>(at)];
  const auto channels = static_cast<int64_t>(affine.scale.size());
  const ValueId scale = graph.add_buffer(norm.name + ".scale", rounded(affine.scale, {channels}));
  const ValueId shift = graph.add_buffer(norm.name + ".shift", rounded(affine.shift, {channels}));
  const ValueId scaled = graph.insert_node(at, Op::kMul, norm.name + ".mul", {norm.inputs[0], scale});
  Node& node = graph.nodes[static_cast<size_t>(at) + 1];
  node.op = Op::kAdd;
  node.inputs = {scaled, shift};
  node.attrs = {};
}

}  // namespace

void lower_batch_norms(Graph& graph) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].op != Op::kBatchNorm) continue;
    const std::string name = graph.nodes[i].name;
    const Affine affine = batch_norm_affine(graph, graph.nodes[i]);
    const auto channels = static_cast<int64_t>(affine.scale.size());
    if (graph.value(graph.nodes[i].inputs[0]).dims.size() != 4) {
      to_mul_add(graph, static_cast<NodeId>(i), affine);
      continue;
    }
    ValueId weight = graph.add_buffer(name + ".factor", rounded(affine.scale, {channels, 1, 1, 1}));
    const ValueId shift = graph.add_buffer(name + ".shift", rounded(affine.shift, {channels}));
    if (quantized(graph, graph.nodes[i].inputs[0])) {
      weight = unit_quantizer(graph, static_cast<NodeId>(i), name, weight, affine.scale);
      ++i;
    }
    Node& node = graph.nodes[i];
    node.op = Op::kConv;
    node.inputs = {node.inputs[0], weight, shift};
    node.attrs = ConvAttrs{.groups = channels};
  }
  prune(graph);
}

}  // namespace qat::ir
