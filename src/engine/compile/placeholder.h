// Scales for a graph that has none, so that int8 latency can be measured before any calibration. Never for accuracy.
#pragma once

#include "ir/graph.h"

namespace qat::engine {

// Places quantizers by the rules; weights get their own ranges, activations +-6.
ir::Graph with_placeholder_scales(const ir::Graph& graph);

}  // namespace qat::engine
