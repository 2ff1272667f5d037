// The table of operators.
#include "io/onnx/import/table.h"

#include <algorithm>
#include <span>

namespace qat::onnxio {

namespace {

struct Entry {
  std::string_view op;
  ImportFunction import;
};

constexpr Entry kTable[] = {
    {"Conv", import_conv},
    {"ConvTranspose", import_conv_transpose},
    {"Gemm", import_gemm},
    {"MatMul", import_matmul},
    {"BatchNormalization", import_batch_norm},
    {"Relu", import_unary},
    {"Sigmoid", import_unary},
    {"Tanh", import_unary},
    {"HardSwish", import_unary},
    {"Swish", import_swish},
    {"HardSigmoid", import_alpha_beta},
    {"LeakyRelu", import_alpha_beta},
    {"Clip", import_clip},
    {"Min", import_min_max},
    {"Max", import_min_max},
    {"Add", import_binary},
    {"Sub", import_binary},
    {"Mul", import_binary},
    {"Div", import_binary},
    {"Sum", import_sum},
    {"MaxPool", import_max_pool},
    {"AveragePool", import_avg_pool},
    {"GlobalAveragePool", import_global_avg_pool},
    {"ReduceMean", import_reduce_mean},
    {"Concat", import_concat},
    {"Flatten", import_flatten},
    {"Reshape", import_reshape},
    {"Squeeze", import_squeeze},
    {"Unsqueeze", import_unsqueeze},
    {"Transpose", import_transpose},
    {"Pad", import_pad},
    {"Softmax", import_softmax},
    {"Dropout", import_dropout},
    {"Identity", import_identity},
    {"Cast", import_cast},
    {"QuantizeLinear", import_quantize},
    {"DequantizeLinear", import_dequantize},
    {"Constant", import_constant},
    {"ConstantOfShape", import_folded_only},
    {"Shape", import_folded_only},
    {"Gather", import_folded_only},
    {"Slice", import_folded_only},
    {"Sqrt", import_folded_only},
    {"Reciprocal", import_folded_only},
    {"Neg", import_folded_only},
};

const Entry* find(const Node& node) {
  if (!node.domain.empty()) return nullptr;
  const auto* found =
      std::find_if(std::begin(kTable), std::end(kTable), [&](const Entry& e) { return e.op == node.op; });
  return found == std::end(kTable) ? nullptr : found;
}

}  // namespace

bool supports(const Node& node) { return find(node) != nullptr; }

void import_operator(Importer& in, const Node& node) {
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    // Dropout's mask, MaxPool's indices, a training BatchNormalization's statistics: poisoned, an error where read.
    if (!node.outputs[i].empty() && in.is_read(node.outputs[i])) throw Unsupported{"has a second output in use"};
  }
  if (!fold(in, node)) find(node)->import(in, node);
}

void import_folded_only(Importer&, const Node&) { throw Unsupported{"is understood on constants and shapes only"}; }

}  // namespace qat::onnxio
