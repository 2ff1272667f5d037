// Nodes of constants become constants: see canonical.h.
#include "ir/canonical.h"
#include "ir/interpret.h"

namespace qat::ir {

namespace {

bool constant(const Graph& graph, const Node& node) {
  if (node.op == Op::kFakeQuant || node.inputs.empty()) return false;
  for (const ValueId id : node.inputs) {
    if (id != kNone && !graph.has_data(id)) return false;
  }
  return true;
}

Tensor compute(const Graph& graph, const Node& node) {
  Graph one{.name = graph.name, .values = graph.values, .nodes = {node}, .outputs = {node.output}};
  return interpret(one, {}).outputs.at(0);
}

}  // namespace

void fold_constants(Graph& graph) {
  for (size_t i = 0; i < graph.nodes.size();) {
    if (!constant(graph, graph.nodes[i])) {
      ++i;
      continue;
    }
    const Node node = graph.nodes[i];
    const Tensor data = compute(graph, node);
    graph.nodes.erase(graph.nodes.begin() + static_cast<std::ptrdiff_t>(i));
    graph.replace_uses(node.output, graph.add_buffer(node.name + ".constant", data));
  }
  prune(graph);
}

}  // namespace qat::ir
