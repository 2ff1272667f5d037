// Building and editing graphs: values, nodes, lookups and replacement of uses.
#include "ir/graph.h"

#include <algorithm>

namespace qat::ir {

ValueId Graph::add_value(Value value) {
  values.push_back(std::move(value));
  return static_cast<ValueId>(values.size() - 1);
}

ValueId Graph::add_input(std::string name, Dims dims, DType type) {
  const ValueId id =
      add_value({.name = std::move(name), .role = Role::kActivation, .type = type, .dims = std::move(dims)});
  inputs.push_back(id);
  return id;
}

namespace {

Value data_value(std::string name, Role role, Tensor data) {
  const DType type = data.type();
  Dims dims = data.shape();
  return {.name = std::move(name), .role = role, .type = type, .dims = std::move(dims), .data = std::move(data)};
}

}  // namespace

ValueId Graph::add_parameter(std::string name, Tensor data) {
  return add_value(data_value(std::move(name), Role::kParameter, std::move(data)));
}

ValueId Graph::add_buffer(std::string name, Tensor data) {
  return add_value(data_value(std::move(name), Role::kBuffer, std::move(data)));
}

ValueId Graph::add_node(Op op, std::string name, std::vector<ValueId> node_inputs, Attrs attrs) {
  return insert_node(static_cast<NodeId>(nodes.size()), op, std::move(name), std::move(node_inputs), std::move(attrs));
}

ValueId Graph::insert_node(NodeId before, Op op, std::string name, std::vector<ValueId> node_inputs, Attrs attrs) {
  const ValueId output = add_value({.name = name});
  nodes.insert(nodes.begin() + before, Node{.op = op,
                                            .name = std::move(name),
                                            .inputs = std::move(node_inputs),
                                            .output = output,
                                            .attrs = std::move(attrs)});
  return output;
}

ValueId Graph::find_value(const std::string& name) const {
  const auto found = std::find_if(values.begin(), values.end(), [&](const Value& v) { return v.name == name; });
  return found == values.end() ? kNone : static_cast<ValueId>(found - values.begin());
}

NodeId Graph::find_node(const std::string& name) const {
  const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const Node& n) { return n.name == name; });
  return found == nodes.end() ? kNone : static_cast<NodeId>(found - nodes.begin());
}

void Graph::replace_uses(ValueId from, ValueId to, NodeId except) {
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (static_cast<NodeId>(i) != except) std::replace(nodes[i].inputs.begin(), nodes[i].inputs.end(), from, to);
  }
  std::replace(outputs.begin(), outputs.end(), from, to);
}

}  // namespace qat::ir
