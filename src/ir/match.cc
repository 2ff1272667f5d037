// Plain lookups: see match.h.
#include "ir/match.h"

#include "ir/quant_range.h"

namespace qat::ir {

const Node* producer(const Graph& graph, const Uses& uses, ValueId value) {
  if (value == kNone) return nullptr;
  const NodeId id = uses.producer[static_cast<size_t>(value)];
  return id == kNone ? nullptr : &graph.nodes[static_cast<size_t>(id)];
}

const Node* sole_consumer(const Graph& graph, const Uses& uses, ValueId value) {
  const auto& readers = uses.consumers[static_cast<size_t>(value)];
  if (readers.size() != 1 || uses.is_output[static_cast<size_t>(value)]) return nullptr;
  return &graph.nodes[static_cast<size_t>(readers[0])];
}

bool moves_values(Op op) { return op == Op::kTranspose || moves_integers(op); }

bool moves_integers(Op op) {
  return op == Op::kMaxPool || op == Op::kFlatten || op == Op::kReshape || op == Op::kIdentity || op == Op::kDropout;
}

bool is_coded_input(const Graph& graph, const Uses& uses, ValueId value) {
  const Node* node = producer(graph, uses, value);
  if (node == nullptr) return false;
  if (node->op == Op::kFakeQuant) return coding_of(graph, *node).has_value();
  return moves_integers(node->op) && is_coded_input(graph, uses, node->inputs[0]);
}

}  // namespace qat::ir
