// The graph: the only description of a network. Values flow between nodes; parameters and buffers are values with data.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "ir/ops.h"

namespace qat::ir {

using ValueId = int32_t;
using NodeId = int32_t;
inline constexpr int32_t kNone = -1;

// Extents of a value; kDynamic where they are known only at run time.
inline constexpr int64_t kDynamic = -1;
using Dims = std::vector<int64_t>;

enum class Role : uint8_t {
  kActivation,  // an input of the graph or the output of a node
  kParameter,   // trained: weight, bias, gamma, beta, learned ranges
  kBuffer,      // not trained by gradient: running statistics, ranges, lowered constants
};

struct Value {
  std::string name;  // parameters and buffers: the state dict's key, e.g. "layer1.0.conv1.weight"
  Role role = Role::kActivation;
  DType type = DType::kF32;
  Dims dims;
  Tensor data;                     // parameters and buffers only
  std::optional<QuantInfo> quant;  // int8-coded activations of a lowered graph
};

struct Node {
  Op op = Op::kIdentity;
  std::string name;             // the module path, e.g. "layer1.0.conv1"; unique in the graph
  std::vector<ValueId> inputs;  // kNone for an absent optional input
  ValueId output = kNone;       // every operator has one output
  Attrs attrs;

  template <class T>
  const T& as() const {
    return std::get<T>(attrs);
  }
  template <class T>
  T& as() {
    return std::get<T>(attrs);
  }
};

// Nodes are kept in topological order. Values are never renumbered by edits; prune() compacts.
struct Graph {
  std::string name;  // "resnet50"
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::map<std::string, std::string> metadata;  // mean, std, classes, input layout, ...

  ValueId add_value(Value value);
  ValueId add_input(std::string name, Dims dims, DType type = DType::kF32);
  ValueId add_parameter(std::string name, Tensor data);
  ValueId add_buffer(std::string name, Tensor data);
  // Appends a node, makes its output value (named after the node) and returns that; dims stay unknown until
  // infer_shapes.
  ValueId add_node(Op op, std::string name, std::vector<ValueId> inputs, Attrs attrs = {});
  // The same, but placed before node `before`.
  ValueId insert_node(NodeId before, Op op, std::string name, std::vector<ValueId> inputs, Attrs attrs = {});

  Value& value(ValueId id) { return values.at(static_cast<size_t>(id)); }
  const Value& value(ValueId id) const { return values.at(static_cast<size_t>(id)); }
  bool has_data(ValueId id) const { return id != kNone && value(id).role != Role::kActivation; }

  // Name lookups; kNone where there is none.
  ValueId find_value(const std::string& name) const;
  NodeId find_node(const std::string& name) const;

  // Every use of `from` (node inputs and graph outputs) becomes `to`; `except` keeps its inputs.
  void replace_uses(ValueId from, ValueId to, NodeId except = kNone);
};

// Who makes and who reads each value, computed once for a pass; stale after an edit.
struct Uses {
  explicit Uses(const Graph& graph);
  std::vector<NodeId> producer;                // by value; kNone for inputs and data
  std::vector<std::vector<NodeId>> consumers;  // by value, in node order, a node once per use
  std::vector<bool> is_output;                 // by value
};

// Drops nodes whose output nobody reads, and values nobody refers to; renumbers.
void prune(Graph& graph);

// Copies structure and data (buffers are cloned).
Graph clone(const Graph& graph);

}  // namespace qat::ir
