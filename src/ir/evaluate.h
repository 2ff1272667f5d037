// What an operator's evaluation sees, and the table of evaluations by operator; the interpreter walks the graph with
// it.
#pragma once

#include <map>
#include <vector>

#include "base/threads.h"
#include "ir/graph.h"

namespace qat::ir {

struct EvalContext {
  const Graph& graph;  // shapes inferred, all concrete
  const Node& node;
  std::vector<const Tensor*> inputs;   // nullptr for an absent optional input
  std::vector<const Node*> producers;  // of the inputs; nullptr for data and inputs of the graph
  Tensor& output;                      // zero-filled, of the inferred dims and type
  ThreadPool& pool;

  std::span<const float> f32(size_t input) const { return inputs.at(input)->data<float>(); }
  bool has(size_t input) const { return input < inputs.size() && inputs[input] != nullptr; }
};
using EvalFunction = void (*)(EvalContext& context);

// By operator. ir/interpret.cc fills in the float operators; the lowered ones are set where they are defined
// (ir/lowered.h), before main.
EvalFunction& eval_function(Op op);

// Layers: eval_conv.cc, eval_layers.cc. Sums in double, one rounding.
void eval_conv(EvalContext& context);
void eval_conv_transpose(EvalContext& context);
void eval_gemm(EvalContext& context);
void eval_batch_norm(EvalContext& context);
void eval_fake_quant(EvalContext& context);

// Elementwise: eval_elementwise.cc.
void eval_unary(EvalContext& context);
void eval_binary(EvalContext& context);
void eval_softmax(EvalContext& context);

// Pools and means: eval_pools.cc.
void eval_max_pool(EvalContext& context);
void eval_avg_pool(EvalContext& context);
void eval_mean(EvalContext& context);  // GlobalAvgPool, ReduceMean

// Views and joins, on elements of any type: eval_views.cc.
void eval_copy(EvalContext& context);  // Flatten, Reshape, Identity, Dropout
void eval_concat(EvalContext& context);
void eval_transpose(EvalContext& context);
void eval_pad(EvalContext& context);

// Row-major strides of a shape; 0 for axes of extent 1, so that they broadcast.
std::vector<int64_t> broadcast_strides(const Shape& shape, size_t rank);

}  // namespace qat::ir
