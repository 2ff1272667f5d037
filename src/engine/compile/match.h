// Questions that several passes ask of a graph, besides those of ir/match.h.
#pragma once

#include "ir/functions.h"
#include "ir/match.h"
#include "ir/quant_range.h"

namespace qat::engine {

inline bool is_layer(ir::Op op) { return op == ir::Op::kFConv || op == ir::Op::kFGemm; }

// The epilogue of an FConv or FGemm.
inline ir::Epilogue& epilogue_of(ir::Node& node) {
  return node.op == ir::Op::kFConv ? node.as<ir::FusedConvAttrs>().epilogue : node.as<ir::FusedGemmAttrs>().epilogue;
}
inline const ir::Epilogue& epilogue_of(const ir::Node& node) { return epilogue_of(const_cast<ir::Node&>(node)); }

// A FakeQuant of data that an int8 layer can take: symmetric, per tensor or along `axis`.
bool is_coded_weight(const ir::Graph& graph, const ir::Uses& uses, ir::ValueId value, int axis);

}  // namespace qat::engine
