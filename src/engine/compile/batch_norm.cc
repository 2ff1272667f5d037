// Passes: BatchNorm into the layer before it; what is left becomes a 1x1 depthwise Conv with one integer a channel.
#include <cmath>

#include "engine/compile/passes.h"
#include "ir/fold_batch_norm.h"

namespace qat::engine {

ir::Graph fold_batch_norm(ir::Graph graph, PassContext& context) {
  for (const auto& [layer, norm] : ir::fold_batch_norms(graph)) context.absorb(layer, norm);
  return graph;
}

namespace {

Tensor rounded(const std::vector<double>& values, Shape shape) {
  Tensor t(DType::kF32, std::move(shape));
  for (size_t i = 0; i < values.size(); ++i) t.data<float>()[i] = static_cast<float>(values[i]);
  return t;
}

// f as q * s with q = sign(f) and s = |f|: exact, so a quantized input gives an int8 layer.
ir::ValueId unit_quantizer(ir::Graph& graph, ir::NodeId before, const std::string& name, ir::ValueId weight,
                           const std::vector<double>& factor) {
  std::vector<double> scale;
  scale.reserve(factor.size());
  for (const double f : factor) scale.push_back(static_cast<float>(f) == 0.0f ? 1.0 : std::abs(f));
  const auto channels = static_cast<int64_t>(scale.size());
  const ir::ValueId range = graph.add_buffer(name + ".scale", rounded(scale, {channels}));
  return graph.insert_node(before, ir::Op::kFakeQuant, name + ".quantizer", {weight, range},
                           ir::FakeQuantAttrs{.range = ir::RangeKind::kScale, .axis = 0, .lo = -127});
}

bool quantized(const ir::Graph& graph, ir::ValueId value) {
  const ir::Uses uses(graph);
  const ir::NodeId made = uses.producer[static_cast<size_t>(value)];
  return made != ir::kNone && graph.nodes[static_cast<size_t>(made)].op == ir::Op::kFakeQuant;
}

// [N,C]: y = x * scale + shift with constants that broadcast.
void to_mul_add(ir::Graph& graph, ir::NodeId at, const ir::Affine& affine) {
  const ir::Node norm = graph.nodes[static_cast<size_t>(at)];
  const auto channels = static_cast<int64_t>(affine.scale.size());
  const ir::ValueId scale = graph.add_buffer(norm.name + ".scale", rounded(affine.scale, {channels}));
  const ir::ValueId shift = graph.add_buffer(norm.name + ".shift", rounded(affine.shift, {channels}));
  const ir::ValueId scaled = graph.insert_node(at, ir::Op::kMul, norm.name + ".mul", {norm.inputs[0], scale});
  ir::Node& node = graph.nodes[static_cast<size_t>(at) + 1];
  node.op = ir::Op::kAdd;
  node.inputs = {scaled, shift};
  node.attrs = {};
}

}  // namespace

ir::Graph lower_batch_norm(ir::Graph graph, PassContext&) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].op != ir::Op::kBatchNorm) continue;
    const std::string name = graph.nodes[i].name;
    const ir::Affine affine = ir::batch_norm_affine(graph, graph.nodes[i]);
    const auto channels = static_cast<int64_t>(affine.scale.size());
    if (graph.value(graph.nodes[i].inputs[0]).dims.size() != 4) {
      to_mul_add(graph, static_cast<ir::NodeId>(i), affine);
      continue;
    }
    ir::ValueId weight = graph.add_buffer(name + ".factor", rounded(affine.scale, {channels, 1, 1, 1}));
    const ir::ValueId shift = graph.add_buffer(name + ".shift", rounded(affine.shift, {channels}));
    if (quantized(graph, graph.nodes[i].inputs[0])) {
      weight = unit_quantizer(graph, static_cast<ir::NodeId>(i), name, weight, affine.scale);
      ++i;
    }
    ir::Node& node = graph.nodes[i];
    node.op = ir::Op::kConv;
    node.inputs = {node.inputs[0], weight, shift};
    node.attrs = ir::ConvAttrs{.groups = channels};
  }
  ir::prune(graph);
  return graph;
}

}  // namespace qat::engine
