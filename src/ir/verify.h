// Structural verification: run after every pass and every import.
#pragma once

#include "ir/graph.h"

namespace qat::ir {

// Checks order, single producers, existing inputs, unique names, input counts and attribute types of every operator,
// data where needed, ranges finite and not negative (scales over 0). Throws Error(kBadFile) naming the node.
void verify(const Graph& graph);

// Every float parameter and buffer holds finite numbers only. Throws Error(kBadFile) naming the first that does not.
void check_finite(const Graph& graph);

}  // namespace qat::ir
