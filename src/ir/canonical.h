// Rewrites that bring a graph to the form that its integers are defined by: where a value is quantized decides what it
// is rounded with. The engine compiler and LibTorch's exact evaluation share them, so that both give the same integers.
#pragma once

#include "ir/graph.h"

namespace qat::ir {

// Identity and Dropout, which change nothing at inference, go.
void remove_identities(Graph& graph);

// ReduceMean over height and width becomes GlobalAvgPool, followed by Flatten where it drops the axes. Needs shapes.
void canonicalize_means(Graph& graph);

// Quantizers move before the operators that commute with them (MaxPool, Flatten, Reshape, Concat), to the layer that
// makes the value: its M and B are then in units of the quantizer's scale. Equal quantizers of a tensor merge.
void commute_quantizers(Graph& graph);

}  // namespace qat::ir
