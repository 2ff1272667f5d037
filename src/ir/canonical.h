// Rewrites that bring a graph to the form that its integers are defined by: where a value is quantized decides what it
// is rounded with. The engine compiler and LibTorch's exact evaluation share them, so that both give the same integers.
// Dims are stale after each of them: infer_shapes (ir/shapes.h) before the next one, or before anything asks for them.
#pragma once

#include "ir/graph.h"

namespace qat::ir {

// Identity and Dropout, which change nothing at inference, go.
void remove_identities(Graph& graph);

// ReduceMean over height and width becomes GlobalAvgPool, followed by Flatten where it drops the axes. Needs shapes.
void canonicalize_means(Graph& graph);

// A node whose inputs are all data becomes data; the interpreter computes it. A quantizer of a weight stays: the layer
// behind it takes its integers. Needs shapes.
void fold_constants(Graph& graph);

// What fold_batch_norms (ir/fold_batch_norm.h) leaves: a BatchNorm of images becomes a 1x1 depthwise Conv, its factor
// an integer of one a channel where the input is quantized; of [N,C] a Mul and an Add. Needs shapes.
void lower_batch_norms(Graph& graph);

// Quantizers move before the operators that commute with them (MaxPool, Flatten, Reshape, Concat), to the layer that
// makes the value: its M and B are then in units of the quantizer's scale. Equal quantizers of a tensor merge.
void commute_quantizers(Graph& graph);

// All of these and fold_batch_norms, in the order of the engine compiler's passes (engine/compile/passes.cc): what
// layers are lowered from. Shapes are inferred before and after each.
void make_canonical(Graph& graph);

}  // namespace qat::ir
