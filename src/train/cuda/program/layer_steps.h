// Convolutions and matrix products through LibTorch (cuDNN, cuBLAS), and the poolings of our kernels.
#pragma once

#include "train/cuda/program/step.h"

namespace qat::train::cuda {

// nullptr where the node is not one of theirs: asymmetric padding, dilated or ceiling-mode pooling, other operators.
// Weights and bias are read from the tape, where their copies are.
std::unique_ptr<Step> make_layer_step(const ir::Node& node, const Wanted& wanted);

}  // namespace qat::train::cuda
