// HardSigmoid, HardSwish and SiLU from the small operators that exporters spell them with.
#include "io/onnx/import/match.h"
#include "io/onnx/import/passes.h"

namespace qat::onnxio {

namespace {

using ir::Graph;
using ir::Node;
using ir::Op;
using ir::Uses;
using ir::ValueId;

// x of Clip(x + 3, 0, 6), kNone when the value is something else.
ValueId relu6_of_plus3(Graph& graph, const Uses& uses, ValueId value) {
  const Node* clip = sole_producer(graph, uses, value, Op::kClip);
  if (clip == nullptr || clip->as<ir::ClipAttrs>().lo != 0.0f || clip->as<ir::ClipAttrs>().hi != 6.0f) return ir::kNone;
  const Node* plus = sole_producer(graph, uses, clip->inputs[0], Op::kAdd);
  return plus == nullptr ? ir::kNone : beside_number(graph, *plus, 3.0f);
}

// What the node divides by 6, kNone when it does not.
ValueId sixfold(const Graph& graph, const Node& node) {
  if (node.op == Op::kDiv && is_near(number(graph, node.inputs[1]), 6.0f)) return node.inputs[0];
  return node.op == Op::kMul ? beside_number(graph, node, 1.0f / 6.0f) : ir::kNone;
}

void become(Node& node, Op op, ValueId x, ir::Attrs attrs = {}) {
  node.op = op;
  node.inputs = {x};
  node.attrs = std::move(attrs);
}

// For a product a * b: the other factor when one of them is `gate(other)`.
template <class Gate>
ValueId gated(const Node& node, Gate gate) {
  for (const size_t i : {size_t{0}, size_t{1}}) {
    if (gate(node.inputs[i]) == node.inputs[1 - i]) return node.inputs[1 - i];
  }
  return ir::kNone;
}

ValueId input_of_hard_sigmoid(Graph& graph, const Uses& uses, ValueId value) {
  const Node* gate = sole_producer(graph, uses, value, Op::kHardSigmoid);
  if (gate == nullptr) return ir::kNone;
  const auto& attrs = gate->as<ir::AlphaBetaAttrs>();
  return is_near(attrs.alpha, 1.0f / 6.0f) && is_near(attrs.beta, 0.5f) ? gate->inputs[0] : ir::kNone;
}

// x of "x * HardSigmoid(x)", or of "(x * Clip(x + 3, 0, 6)) / 6".
ValueId input_of_hard_swish(Graph& graph, const Uses& uses, const Node& node) {
  if (node.op == Op::kMul) {
    const ValueId x = gated(node, [&](ValueId v) { return input_of_hard_sigmoid(graph, uses, v); });
    if (x != ir::kNone) return x;
  }
  const ValueId product = sixfold(graph, node);
  if (product == ir::kNone || graph.has_data(product)) return ir::kNone;
  const Node* mul = sole_producer(graph, uses, product, Op::kMul);
  return mul == nullptr ? ir::kNone : gated(*mul, [&](ValueId v) { return relu6_of_plus3(graph, uses, v); });
}

}  // namespace

int find_hard_sigmoid(Graph& graph) {
  const Uses uses(graph);
  int found = 0;
  for (Node& node : graph.nodes) {
    const ValueId clip = sixfold(graph, node);
    const ValueId x = clip == ir::kNone || graph.has_data(clip) ? ir::kNone : relu6_of_plus3(graph, uses, clip);
    if (x == ir::kNone) continue;
    become(node, Op::kHardSigmoid, x, ir::AlphaBetaAttrs{});
    ++found;
  }
  return found;
}

int find_hard_swish(Graph& graph) {
  const Uses uses(graph);
  int found = 0;
  for (Node& node : graph.nodes) {
    const ValueId x = input_of_hard_swish(graph, uses, node);
    if (x == ir::kNone) continue;
    become(node, Op::kHardSwish, x);
    ++found;
  }
  return found;
}

int find_silu(Graph& graph) {
  const Uses uses(graph);
  int found = 0;
  for (Node& node : graph.nodes) {
    if (node.op != Op::kMul) continue;
    const ValueId x = gated(node, [&](ValueId v) {
      const Node* sigmoid = graph.has_data(v) ? nullptr : sole_producer(graph, uses, v, Op::kSigmoid);
      return sigmoid == nullptr ? ir::kNone : sigmoid->inputs[0];
    });
    if (x == ir::kNone) continue;
    become(node, Op::kSilu, x);
    ++found;
  }
  return found;
}

}  // namespace qat::onnxio
