// Pass: a node whose inputs are all data becomes data; the interpreter computes it.
#include "engine/compile/passes.h"
#include "ir/interpret.h"

namespace qat::engine {

namespace {

// A quantizer of a weight stays: the layer behind it takes its integers.
bool constant(const ir::Graph& graph, const ir::Node& node) {
  if (node.op == ir::Op::kFakeQuant || node.inputs.empty()) return false;
  for (const ir::ValueId id : node.inputs) {
    if (id != ir::kNone && !graph.has_data(id)) return false;
  }
  return true;
}

Tensor compute(const ir::Graph& graph, const ir::Node& node) {
  ir::Graph one{.name = graph.name, .values = graph.values, .nodes = {node}, .outputs = {node.output}};
  return ir::interpret(one, {}).outputs.at(0);
}

}  // namespace

ir::Graph fold_constants(ir::Graph graph, PassContext&) {
  for (size_t i = 0; i < graph.nodes.size();) {
    if (!constant(graph, graph.nodes[i])) {
      ++i;
      continue;
    }
    const ir::Node node = graph.nodes[i];
    const Tensor data = compute(graph, node);
    graph.nodes.erase(graph.nodes.begin() + static_cast<std::ptrdiff_t>(i));
    graph.replace_uses(node.output, graph.add_buffer(node.name + ".constant", data));
  }
  ir::prune(graph);
  return graph;
}

}  // namespace qat::engine
