// Shape inference: dims and dtypes of every activation from the graph's inputs.
#pragma once

#include "ir/graph.h"

namespace qat::ir {

// Fills Value::dims of a verified graph (ir/verify.h); kDynamic flows through. Throws Error(kBadFile) "[conv
// layer1.0.conv1] expected 64 input channels, got 32".
void infer_shapes(Graph& graph);

// The same with input dims that fit what the graph declares (kDynamic fits any); its inputs then have these dims.
void infer_shapes(Graph& graph, const std::vector<Dims>& input_dims);

// Extent of a convolution's or pool's output: floor (or ceil) ((in + pads - dilation (kernel - 1) - 1) / stride) + 1.
// ceil: a window that starts in the end padding is dropped, as PyTorch and ONNX do. kDynamic for a dynamic `in`; 0 or
// less where the window does not fit.
struct Window {
  int64_t in, kernel, stride, pad_begin, pad_end, dilation = 1;
  bool ceil = false;
};
int64_t output_extent(const Window& window);

// What a shape function sees of a node: its inputs' dims, an empty Dims for an absent optional input.
struct ShapeContext {
  const Graph& graph;
  const Node& node;
  std::vector<Dims> inputs;
};
struct Inferred {
  Dims dims;
  DType type = DType::kF32;
};
using ShapeFunction = Inferred (*)(const ShapeContext& context);

// The shape function of each operator, by op. ir/shapes.cc fills in the float operators; the lowered ones are set where
// they are defined (ir/lowered.h), before main.
ShapeFunction& shape_function(Op op);

// "64x3x?x?".
std::string to_text(const Dims& dims);

}  // namespace qat::ir
