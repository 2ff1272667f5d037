// The graph as a readable table and as JSON (structure without data: what checkpoints store).
#pragma once

#include <string>

#include "ir/graph.h"

namespace qat::ir {

std::string to_table(const Graph& graph);  // one line a node: name, op, attributes, inputs -> output dims

// Structure only: nodes, attributes, value names, roles, dims; data is referred to by name and travels in the state
// dict.
std::string to_json(const Graph& graph);

// Inverse of to_json; values get zero-filled data of their dims. Throws Error(kBadFile) naming the field.
Graph from_json(const std::string& text);

}  // namespace qat::ir
