// Plain lookups: see match.h.
#include "engine/compile/match.h"

#include <algorithm>

#include "ir/quant_range.h"

namespace qat::engine {

using ir::Op;

bool is_coded_weight(const ir::Graph& graph, const ir::Uses& uses, ir::ValueId value, int axis) {
  const ir::Node* node = producer(graph, uses, value);
  if (node == nullptr || node->op != Op::kFakeQuant || !graph.has_data(node->inputs[0])) return false;
  const ir::QuantRange range = ir::quant_range(graph, *node);
  const bool symmetric = std::all_of(range.zero_point.begin(), range.zero_point.end(), [](int z) { return z == 0; });
  return symmetric && range.lo >= -128 && range.hi <= 127 && (range.scale.size() == 1 || range.axis == axis);
}

}  // namespace qat::engine
