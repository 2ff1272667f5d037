// Folding BatchNorm into the Conv, ConvTranspose or Gemm before it; the exporter and the engine compiler share it, so
// that a checkpoint and its ONNX file give the same integers.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace qat::ir {

// f = gamma / sqrt(variance + eps), in double; bias' = f32(beta + (bias - mean) f). A float weight becomes f32(w f). A
// weight behind a FakeQuant keeps its integers: q' = sign(f) q, scale' = f32(scale |f|), w' = q' scale' with a range of
// kind kScale, one value a channel; f = 0 gives q' = 0, scale' = 1.
//
// Folds where the layer's output is read by the BatchNorm only; elsewhere the BatchNorm stays (also where q' would
// leave the quantizer's bounds). Returns the names of the pairs, {layer, BatchNorm}.
std::vector<std::pair<std::string, std::string>> fold_batch_norms(Graph& graph);

// f and beta - mean f of a BatchNorm node, in double, by channel.
struct Affine {
  std::vector<double> scale, shift;
};
Affine batch_norm_affine(const Graph& graph, const Node& batch_norm);

}  // namespace qat::ir
