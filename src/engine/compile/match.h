// Questions that several passes ask of a graph.
#pragma once

#include <optional>

#include "ir/graph.h"
#include "ir/quant_range.h"

namespace qat::engine {

inline bool is_layer(ir::Op op) { return op == ir::Op::kFConv || op == ir::Op::kFGemm; }

// The epilogue of an FConv or FGemm.
inline ir::Epilogue& epilogue_of(ir::Node& node) {
  return node.op == ir::Op::kFConv ? node.as<ir::FusedConvAttrs>().epilogue : node.as<ir::FusedGemmAttrs>().epilogue;
}
inline const ir::Epilogue& epilogue_of(const ir::Node& node) { return epilogue_of(const_cast<ir::Node&>(node)); }

// The node that makes a value; null for inputs and data.
const ir::Node* producer(const ir::Graph& graph, const ir::Uses& uses, ir::ValueId value);

// The only reader of a value that is no output; null otherwise.
const ir::Node* sole_consumer(const ir::Graph& graph, const ir::Uses& uses, ir::ValueId value);

using ir::coding_of;
using ir::same_coding;

// A FakeQuant of data that an int8 layer can take: symmetric, per tensor or along `axis`.
bool is_coded_weight(const ir::Graph& graph, const ir::Uses& uses, ir::ValueId value, int axis);

// Whether x of a layer comes coded: behind a FakeQuant, or through operators that keep a coding.
bool is_coded_input(const ir::Graph& graph, const ir::Uses& uses, ir::ValueId value);

// The activation of an operator that a layer's epilogue has a form for, in plain units.
std::optional<ir::Epilogue> activation_of(const ir::Node& node);

}  // namespace qat::engine
