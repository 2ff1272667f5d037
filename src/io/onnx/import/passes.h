// Rewrites of an imported graph: several operators of the file that are one of ours.
#pragma once

#include "ir/graph.h"

namespace qat::onnxio {

// All of them, in the order of passes.cc. The graph is pruned after each that changed it.
void rewrite(ir::Graph& graph);

// Each returns how many places it rewrote; a rewritten place leaves dead nodes behind.
int merge_pads(ir::Graph& graph);         // Pad with zeros -> [FakeQuant ->] Conv: the Conv pads
int merge_biases(ir::Graph& graph);       // Gemm or Conv without bias -> Add of one number a channel: a bias
int find_hard_sigmoid(ir::Graph& graph);  // Clip(x + 3, 0, 6) / 6, or * 1/6
int find_hard_swish(ir::Graph& graph);    // x * HardSigmoid(x), or x * Clip(x + 3, 0, 6) / 6
int find_silu(ir::Graph& graph);          // x * Sigmoid(x)

}  // namespace qat::onnxio
