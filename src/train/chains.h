// Runs of elementwise nodes that the module executes in one pass: BatchNorm -> Add -> ReLU or Clip -> FakeQuant, each
// optional.
#pragma once

#include <limits>
#include <vector>

#include "ir/graph.h"

namespace qat::train {

struct Chain {
  ir::NodeId norm = ir::kNone, add = ir::kNone, act = ir::kNone, quant = ir::kNone;
  ir::NodeId last = ir::kNone;     // where it runs: all its operands exist by then
  ir::ValueId input = ir::kNone;   // of the first node
  ir::ValueId skip = ir::kNone;    // the Add's other operand
  ir::ValueId output = ir::kNone;  // of the last node
  float clip_lo = -std::numeric_limits<float>::infinity();
  float clip_hi = std::numeric_limits<float>::infinity();
};

struct ChainOptions {
  bool fuse = true;      // false: every chain is one node
  bool quantize = true;  // false: FakeQuant nodes stay out (they are off)
  bool adds = false;     // true: a lone Add of activations is a chain, too
};

// Maximal chains, in the order of their last nodes; each link is the only use of its value. A node belongs to at most
// one chain; a lone Add to none unless options.adds, and neither does a FakeQuant of a parameter, per channel or with a
// zero point.
std::vector<Chain> find_chains(const ir::Graph& graph, ChainOptions options);

// One scale, no zero point, of an activation: what the chain kernels know.
bool is_plain_activation_quantizer(const ir::Graph& graph, const ir::Node& node);

}  // namespace qat::train
