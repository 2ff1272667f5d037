// Evaluation of a quantized graph with the engine's own arithmetic: integers summed exactly, base/qmath.h's
// requantization, BatchNorm folded.
#pragma once

#include "train/libtorch/steps.h"

namespace qat::train {

// How it works. A frame holds x / unit for every value, the unit known beforehand: outputs of quantizers are held as
// their integers without the zero point (unit = scale), what they are made of in the same unit, everything else as it
// is (unit = 1). A Conv or Gemm of two such operands sums integer-valued floats; they stay exact while 128 sum|q_w| <
// 2^24 (255 for what is asymmetric), else the input channels are split into parts that do. The chain that follows (Add,
// ReLU or Clip, FakeQuant) is one pass v = fma(acc, M, B); v = fma(skip, R, v); clip; rne, with M, B, R in units of the
// output, computed in double and rounded once (QUANTIZATION: numerics). Sums, products, concatenations and means of
// integers and functions of one value have forms of their own (exact_ops.h).
//
// The integers are an engine's to the last bit, and so are the logits, where its report says of nothing that it stays
// in float. What does (layers, pools, means, Softmax, Tanh) may differ in the last bits, as from any other library; on
// a GPU so may functions of values that are no integers (HardSwish, SiLU, Sigmoid behind a layer).
struct ExactPlan {
  ir::Graph
      graph;  // the module's as the engine compiler lowers it: BatchNorm folded, quantizers moved (ir/canonical.h)
  Frame leaves;
  std::vector<Step> steps;
  std::vector<float> units;  // by value
  RunState state;
};

// The plan has the weights and ranges of the moment, on `device`.
std::unique_ptr<ExactPlan> make_exact_plan(const ir::Graph& graph, at::Device device);

}  // namespace qat::train
