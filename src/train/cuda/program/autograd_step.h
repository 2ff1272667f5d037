// Any other operator, through LibTorch and its autograd, for this one node: what no kernel of ours is worth.
#pragma once

#include "train/cuda/program/step.h"
#include "train/libtorch/steps.h"

namespace qat::train::cuda {

// Throws Error(kBadFile) for operators that do not train. graph and *state outlive the step.
std::unique_ptr<Step> make_autograd_step(const ir::Graph& graph, const ir::Node& node, const Wanted& wanted,
                                         const RunState* state);

}  // namespace qat::train::cuda
