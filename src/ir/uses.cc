// Producers and consumers of values, removal of what nobody reads, and deep copies of graphs.
#include "ir/graph.h"

namespace qat::ir {

Uses::Uses(const Graph& graph)
    : producer(graph.values.size(), kNone), consumers(graph.values.size()), is_output(graph.values.size(), false) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    producer.at(static_cast<size_t>(node.output)) = static_cast<NodeId>(i);
    for (const ValueId input : node.inputs) {
      if (input != kNone) consumers.at(static_cast<size_t>(input)).push_back(static_cast<NodeId>(i));
    }
  }
  for (const ValueId output : graph.outputs) is_output.at(static_cast<size_t>(output)) = true;
}

void prune(Graph& graph) {
  std::vector<bool> live(graph.values.size(), false);
  for (const ValueId id : graph.outputs) live.at(static_cast<size_t>(id)) = true;
  // Backwards: topological order puts every reader after what it reads.
  std::vector<Node> kept;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    if (!live.at(static_cast<size_t>(node->output))) continue;
    for (const ValueId id : node->inputs) {
      if (id != kNone) live.at(static_cast<size_t>(id)) = true;
    }
    kept.push_back(std::move(*node));
  }
  graph.nodes.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
  for (const ValueId id : graph.inputs) live.at(static_cast<size_t>(id)) = true;

  std::vector<ValueId> renumbered(graph.values.size(), kNone);
  std::vector<Value> values;
  for (size_t i = 0; i < graph.values.size(); ++i) {
    if (!live[i]) continue;
    renumbered[i] = static_cast<ValueId>(values.size());
    values.push_back(std::move(graph.values[i]));
  }
  graph.values = std::move(values);
  const auto renumber = [&](ValueId& id) {
    if (id != kNone) id = renumbered[static_cast<size_t>(id)];
  };
  for (Node& node : graph.nodes) {
    for (ValueId& id : node.inputs) renumber(id);
    renumber(node.output);
  }
  for (ValueId& id : graph.inputs) renumber(id);
  for (ValueId& id : graph.outputs) renumber(id);
}

Graph clone(const Graph& graph) {
  Graph copy = graph;
  for (Value& value : copy.values) {
    if (value.data.defined()) value.data = value.data.clone();
  }
  return copy;
}

}  // namespace qat::ir
