// Shape inference: dims and dtypes of every activation from the graph's inputs.
#pragma once

#include "ir/graph.h"

namespace qat::ir {

// Fills Value::dims; kDynamic flows through. Throws Error(kBadFile) "[conv layer1.0.conv1] expected 64 input channels,
// got 32".
void infer_shapes(Graph& graph);

// The same with concrete input dims, in place of what the graph declares (which may be dynamic).
void infer_shapes(Graph& graph, const std::vector<Dims>& input_dims);

// Extent of a convolution's or pool's output: floor (or ceil) ((in + pads - dilation (kernel - 1) - 1) / stride) + 1.
// ceil: a window that starts in the end padding is dropped, as PyTorch and ONNX do.
struct Window {
  int64_t in, kernel, stride, pad_begin, pad_end, dilation = 1;
  bool ceil = false;
};
int64_t output_extent(const Window& window);

}  // namespace qat::ir
