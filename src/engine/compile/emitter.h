// Turns a lowered graph into steps and tensors, node by node. The rules are in emit_*.cc.
#pragma once

#include "engine/compile/draft.h"

namespace qat::engine {

class Emitter {
 public:
  Emitter(const ir::Graph& graph, const BuildRequest& request, const PassContext& context);

  Draft run();

  const ir::Graph& graph;
  ir::Graph at_optimum;  // the same graph, dims of the optimal shape
  const ir::Uses uses;
  const BuildRequest& request;
  Draft draft;

  int32_t tensor(ir::ValueId id);  // of an input of a step: reads the graph's input, or data as a constant
  int32_t new_tensor(ir::ValueId id);
  void alias(ir::ValueId id, int32_t tensor) { tensors_[static_cast<size_t>(id)] = tensor; }

  // A step named after the node, its output tensor made.
  Step& step(StepOp op, const ir::Node& node, const std::vector<ir::ValueId>& inputs);
  void set_weights(const Tensor& weights) { draft.weights.back() = weights; }
  Blob floats(ir::ValueId id, int64_t count);  // f32 data as a blob; zeros for kNone

  // Dims at the optimal shape.
  const ir::Dims& dims(ir::ValueId id) const { return at_optimum.value(id).dims; }
  // Known without the input's shape.
  bool is_pixel(ir::ValueId id) const;  // H = W = 1

  [[noreturn]] void unsupported(const ir::Node& node, const std::string& why) const;

 private:
  int32_t read_input(ir::ValueId graph_input, const std::optional<ir::QuantInfo>& coding, const std::string& name);
  void write_outputs();
  void emit(const ir::Node& node);
  friend void emit_quantize(Emitter& e, const ir::Node& node);

  const PassContext& context_;
  std::vector<int32_t> tensors_;  // by value
};

void emit_quantize(Emitter& e, const ir::Node& node);
void emit_dequantize(Emitter& e, const ir::Node& node);
void emit_layer(Emitter& e, const ir::Node& node);  // QConv, QGemm, FConv, FGemm, ConvTranspose
void emit_pool(Emitter& e, const ir::Node& node);
void emit_join(Emitter& e, const ir::Node& node);      // QAdd, QMul, QConcat, Concat
void emit_function(Emitter& e, const ir::Node& node);  // QLut and float functions of one or two values, Softmax
void emit_view(Emitter& e, const ir::Node& node);      // Flatten, Reshape
void emit_pad(Emitter& e, const ir::Node& node);

// A table of the 256 values of a picture's channel: (x / 255 - mean) / std in float.
std::vector<float> picture_table(const ir::Graph& graph, int64_t channels);

// The storage coding of an int8 value: u8 = (q - zero_point) + zero.
PlanTensor coded_tensor(const ir::QuantInfo& quant);

}  // namespace qat::engine
