// Plain lookups: see match.h.
#include "engine/compile/match.h"

#include <algorithm>

namespace qat::engine {

using ir::Op;

const ir::Node* producer(const ir::Graph& graph, const ir::Uses& uses, ir::ValueId value) {
  if (value == ir::kNone) return nullptr;
  const ir::NodeId id = uses.producer[static_cast<size_t>(value)];
  return id == ir::kNone ? nullptr : &graph.nodes[static_cast<size_t>(id)];
}

const ir::Node* sole_consumer(const ir::Graph& graph, const ir::Uses& uses, ir::ValueId value) {
  const auto& readers = uses.consumers[static_cast<size_t>(value)];
  if (readers.size() != 1 || uses.is_output[static_cast<size_t>(value)]) return nullptr;
  return &graph.nodes[static_cast<size_t>(readers[0])];
}

bool is_coded_weight(const ir::Graph& graph, const ir::Uses& uses, ir::ValueId value, int axis) {
  const ir::Node* node = producer(graph, uses, value);
  if (node == nullptr || node->op != Op::kFakeQuant || !graph.has_data(node->inputs[0])) return false;
  const ir::QuantRange range = ir::quant_range(graph, *node);
  const bool symmetric = std::all_of(range.zero_point.begin(), range.zero_point.end(), [](int z) { return z == 0; });
  return symmetric && range.lo >= -128 && range.hi <= 127 && (range.scale.size() == 1 || range.axis == axis);
}

bool is_coded_input(const ir::Graph& graph, const ir::Uses& uses, ir::ValueId value) {
  const ir::Node* node = producer(graph, uses, value);
  if (node == nullptr) return false;
  if (node->op == Op::kFakeQuant) return coding_of(graph, *node).has_value();
  const bool keeps = node->op == Op::kMaxPool || node->op == Op::kFlatten || node->op == Op::kReshape;
  return keeps && is_coded_input(graph, uses, node->inputs[0]);
}

std::optional<ir::Epilogue> activation_of(const ir::Node& node) {
  switch (node.op) {
    case Op::kRelu:
      return ir::Epilogue{.activation = Activation::kClip, .p0 = 0.0f};
    case Op::kClip:
      return ir::Epilogue{
          .activation = Activation::kClip, .p0 = node.as<ir::ClipAttrs>().lo, .p1 = node.as<ir::ClipAttrs>().hi};
    case Op::kHardSwish:
      return ir::Epilogue{.activation = Activation::kHardSwish, .p0 = 1.0f / 6.0f};
    case Op::kSilu:
      return ir::Epilogue{.activation = Activation::kSilu, .p0 = 1.0f};
    default:
      return std::nullopt;
  }
}

}  // namespace qat::engine
