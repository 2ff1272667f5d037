// Conv, ConvTranspose, Gemm, MatMul and BatchNormalization: operators with weights.
#include <algorithm>

#include "base/checked.h"
#include "io/onnx/import/table.h"
#include "io/onnx/import/window.h"

namespace qat::onnxio {

namespace {

const Known& weight_of(Importer& in, const Node& node) {
  const Known& weight = in.constant(node, 1, "the weight");
  if (weight.data.shape().size() != 4) {
    throw Unsupported{cat("has a weight of ", weight.data.shape().size(), " dimensions; 2-d convolutions have 4")};
  }
  return weight;
}

// ConvTranspose counts K / groups in its weight's second extent.
ir::ConvAttrs conv_attrs(Importer& in, const Node& node, const Shape& weight) {
  const WindowAttrs window = window_attrs(in, node, {weight[2], weight[3]});
  if (window.kernel[0] != weight[2] || window.kernel[1] != weight[3]) {
    fail(Code::kBadFile, node.label(), " expected kernel_shape ", weight[2], "x", weight[3], " as the weight has, got ",
         window.kernel[0], "x", window.kernel[1]);
  }
  const int64_t groups = node.integer("group", 1);
  if (groups < 1) fail(Code::kBadFile, node.label(), " expected a positive number of groups, got ", groups);
  return {.stride = window.stride, .pads = window.pads, .dilation = window.dilation, .groups = groups};
}

void add_conv(Importer& in, const Node& node, ir::Op op, ir::ConvAttrs attrs) {
  const std::string name = in.module(node);
  std::vector<ir::ValueId> inputs{in.value(node, 0), in.parameter(weight_of(in, node), {.name = name + ".weight"})};
  if (node.has_input(2)) inputs.push_back(in.parameter(in.constant(node, 2, "the bias"), {.name = name + ".bias"}));
  in.set(node, in.add(op, name, inputs, attrs));
}

}  // namespace

void import_conv(Importer& in, const Node& node) {
  add_conv(in, node, ir::Op::kConv, conv_attrs(in, node, weight_of(in, node).data.shape()));
}

void import_conv_transpose(Importer& in, const Node& node) {
  if (node.has("output_shape") || node.text("auto_pad", "NOTSET") != "NOTSET") {
    throw Unsupported{"has output_shape or auto_pad; export it with explicit pads"};
  }
  ir::ConvAttrs attrs = conv_attrs(in, node, weight_of(in, node).data.shape());
  const auto padding = node.integers("output_padding", {0, 0});
  if (padding.size() != 2) fail(Code::kBadFile, node.label(), " expected 2 values of output_padding");
  attrs.output_padding = {padding[0], padding[1]};
  add_conv(in, node, ir::Op::kConvTranspose, attrs);
}

namespace {

// C of a Gemm as a bias [K]: a scalar, [1], [K] or [1,K] in the file, times beta.
Known bias_of(const Node& node, const Known& known, int64_t outputs, float beta) {
  Known bias = known;
  if (!is_float(bias.data.type())) fail(Code::kBadFile, node.label(), " expected a float bias");
  const Shape& shape = bias.data.shape();
  const bool row = (shape.size() == 1 || (shape.size() == 2 && shape[0] == 1)) && shape.back() == outputs;
  if (bias.data.size() != 1 && !row) throw Unsupported{cat("has a bias of shape ", to_string(shape))};
  if (bias.data.size() == 1 && outputs != 1) {
    bias.data = Tensor::from(std::vector<float>(outputs, bias.data.to(DType::kF32).data<float>()[0]), {outputs});
  }
  bias.data = bias.data.reshaped({outputs});
  if (beta != 1.0f) {
    bias.data = bias.data.to(DType::kF32).clone();
    for (float& x : bias.data.data<float>()) x *= beta;
  }
  return bias;
}

const Known& matrix_of(Importer& in, const Node& node) {
  const Known& weight = in.constant(node, 1, "the second matrix");
  if (weight.data.shape().size() != 2) throw Unsupported{cat("multiplies by ", to_string(weight.data.shape()))};
  return weight;
}

}  // namespace

void import_gemm(Importer& in, const Node& node) {
  if (node.integer("transA", 0) != 0) throw Unsupported{"has transA"};
  const Known& weight = matrix_of(in, node);
  const bool transposed = node.integer("transB", 0) == 0;  // ours is [K,C], as transB = 1 has it
  const float alpha = node.real("alpha", 1.0f);
  if (weight.grid && !(alpha > 0.0f)) throw Unsupported{"scales quantized weights by a number that is not positive"};
  const std::string name = in.module(node);
  std::vector<ir::ValueId> inputs{
      in.value(node, 0), in.parameter(weight, {.name = name + ".weight", .transpose = transposed, .factor = alpha})};
  const float beta = node.real("beta", 1.0f);
  if (node.has_input(2) && beta != 0.0f) {
    const Known bias = bias_of(node, in.constant(node, 2, "the bias"), weight.data.dim(transposed ? 1 : 0), beta);
    inputs.push_back(in.parameter(bias, {.name = name + ".bias"}));
  }
  in.set(node, in.add(ir::Op::kGemm, name, inputs));
}

void import_matmul(Importer& in, const Node& node) {
  const Known& weight = matrix_of(in, node);
  const ir::ValueId x = in.value(node, 0);
  if (in.rank(x) != 2) throw Unsupported{cat("multiplies ", in.rank(x), " dimensions; [N,C] is supported")};
  const std::string name = in.module(node);
  const ir::ValueId w = in.parameter(weight, {.name = name + ".weight", .transpose = true});
  in.set(node, in.add(ir::Op::kGemm, name, {x, w}));
}

void import_batch_norm(Importer& in, const Node& node) {
  if (node.integer("training_mode", 0) != 0) throw Unsupported{"is in training mode; export after model.eval()"};
  if (node.integer("spatial", 1) != 1) throw Unsupported{"has spatial = 0"};
  const std::string name = in.module(node);
  static constexpr const char* kNames[] = {"", ".weight", ".bias", ".running_mean", ".running_var"};
  std::vector<ir::ValueId> inputs{in.value(node, 0)};
  for (size_t i = 1; i < 5; ++i) {
    const auto role = i < 3 ? ir::Role::kParameter : ir::Role::kBuffer;
    inputs.push_back(in.parameter(in.constant(node, i, "a statistic"), {.name = name + kNames[i], .role = role}));
  }
  // ONNX's momentum is the share of the old value, torch's that of the new one.
  const ir::BatchNormAttrs attrs{.eps = node.real("epsilon", 1e-5f), .momentum = 1.0f - node.real("momentum", 0.9f)};
  if (!(attrs.eps >= 0.0f)) fail(Code::kBadFile, node.label(), " expected an epsilon of at least 0, got ", attrs.eps);
  in.set(node, in.add(ir::Op::kBatchNorm, name, inputs, attrs));
}

}  // namespace qat::onnxio
