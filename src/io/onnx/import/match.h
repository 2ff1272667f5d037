// Small questions that rewrites ask of a graph.
#pragma once

#include <cmath>
#include <optional>

#include "ir/graph.h"

namespace qat::onnxio {

// The node that makes `value` when it is an `op` and nobody else reads it; nullptr otherwise.
inline ir::Node* sole_producer(ir::Graph& graph, const ir::Uses& uses, ir::ValueId value, ir::Op op) {
  const ir::NodeId made = uses.producer[static_cast<size_t>(value)];
  if (made == ir::kNone || graph.nodes[static_cast<size_t>(made)].op != op) return nullptr;
  const bool sole =
      uses.consumers[static_cast<size_t>(value)].size() == 1 && !uses.is_output[static_cast<size_t>(value)];
  return sole ? &graph.nodes[static_cast<size_t>(made)] : nullptr;
}

// A constant of one element.
inline std::optional<float> number(const ir::Graph& graph, ir::ValueId value) {
  if (!graph.has_data(value) || graph.value(value).data.size() != 1) return std::nullopt;
  return graph.value(value).data.data<float>()[0];
}

inline bool is_near(std::optional<float> x, float expected) { return x && std::abs(*x - expected) <= 1e-6f * expected; }

// The operand of a two-operand node that is not the number `expected`, kNone when neither is that number.
inline ir::ValueId beside_number(const ir::Graph& graph, const ir::Node& node, float expected) {
  if (is_near(number(graph, node.inputs[1]), expected)) return node.inputs[0];
  return is_near(number(graph, node.inputs[0]), expected) ? node.inputs[1] : ir::kNone;
}

}  // namespace qat::onnxio
