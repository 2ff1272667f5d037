// The graph as a readable table and as JSON (structure without data: what checkpoints store).
#pragma once

#include <limits>
#include <string>

#include "ir/graph.h"

namespace qat::ir {

std::string to_table(const Graph& graph);  // one line a node: name, op, attributes, inputs -> output dims

// Structure only: nodes, attributes, value names, roles, dims; data is referred to by name and travels in the state
// dict.
std::string to_json(const Graph& graph);

// Inverse of to_json; values get zero-filled data of their dims. Throws Error(kBadFile) naming the field, and when the
// data would take more than max_data_bytes: a file must not make us allocate what it does not hold.
Graph from_json(const std::string& text, size_t max_data_bytes = std::numeric_limits<size_t>::max());

}  // namespace qat::ir
