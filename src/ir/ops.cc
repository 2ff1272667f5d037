// The table of operators: one row each, in the order of the enum.
#include "ir/ops.h"

#include <array>
#include <string>

#include "base/error.h"
#include "ir/op_table.h"

namespace qat::ir {

namespace {

template <class T, size_t I = 0>
constexpr size_t index_of() {
  if constexpr (std::is_same_v<T, std::variant_alternative_t<I, Attrs>>) {
    return I;
  } else {
    return index_of<T, I + 1>();
  }
}

using None = std::monostate;

constexpr OpInfo kTable[] = {
    // Layers.
    {Op::kConv, "Conv", 2, 3, index_of<ConvAttrs>()},
    {Op::kConvTranspose, "ConvTranspose", 2, 3, index_of<ConvAttrs>()},
    {Op::kGemm, "Gemm", 2, 3, index_of<None>()},
    {Op::kBatchNorm, "BatchNorm", 5, 5, index_of<BatchNormAttrs>()},
    // Elementwise.
    {Op::kRelu, "Relu", 1, 1, index_of<None>()},
    {Op::kClip, "Clip", 1, 1, index_of<ClipAttrs>()},
    {Op::kSigmoid, "Sigmoid", 1, 1, index_of<None>()},
    {Op::kHardSigmoid, "HardSigmoid", 1, 1, index_of<AlphaBetaAttrs>()},
    {Op::kHardSwish, "HardSwish", 1, 1, index_of<None>()},
    {Op::kSilu, "Silu", 1, 1, index_of<None>()},
    {Op::kLeakyRelu, "LeakyRelu", 1, 1, index_of<AlphaBetaAttrs>()},
    {Op::kTanh, "Tanh", 1, 1, index_of<None>()},
    {Op::kAdd, "Add", 2, 2, index_of<None>()},
    {Op::kSub, "Sub", 2, 2, index_of<None>()},
    {Op::kMul, "Mul", 2, 2, index_of<None>()},
    {Op::kDiv, "Div", 2, 2, index_of<None>()},
    // Pooling.
    {Op::kMaxPool, "MaxPool", 1, 1, index_of<PoolAttrs>()},
    {Op::kAvgPool, "AvgPool", 1, 1, index_of<PoolAttrs>()},
    {Op::kGlobalAvgPool, "GlobalAvgPool", 1, 1, index_of<None>()},
    // Shape.
    {Op::kConcat, "Concat", 1, kMany, index_of<AxisAttrs>()},
    {Op::kFlatten, "Flatten", 1, 1, index_of<AxisAttrs>()},
    {Op::kReshape, "Reshape", 1, 1, index_of<ListAttrs>()},
    {Op::kTranspose, "Transpose", 1, 1, index_of<ListAttrs>()},
    {Op::kPad, "Pad", 1, 1, index_of<ListAttrs>()},
    {Op::kReduceMean, "ReduceMean", 1, 1, index_of<ListAttrs>()},
    {Op::kIdentity, "Identity", 1, 1, index_of<None>()},
    {Op::kDropout, "Dropout", 1, 1, index_of<DropoutAttrs>()},
    {Op::kSoftmax, "Softmax", 1, 1, index_of<AxisAttrs>()},
    // Quantization.
    {Op::kFakeQuant, "FakeQuant", 2, 3, index_of<FakeQuantAttrs>()},
    // Lowered forms.
    {Op::kQuantize, "Quantize", 1, 1, index_of<None>()},
    {Op::kDequantize, "Dequantize", 1, 1, index_of<None>()},
    {Op::kQConv, "QConv", 3, 5, index_of<FusedConvAttrs>()},
    {Op::kQGemm, "QGemm", 3, 5, index_of<FusedGemmAttrs>()},
    {Op::kQAdd, "QAdd", 2, 2, index_of<RequantAttrs>()},
    {Op::kQMul, "QMul", 2, 2, index_of<RequantAttrs>()},
    {Op::kQMaxPool, "QMaxPool", 1, 1, index_of<PoolAttrs>()},
    {Op::kQAvgPool, "QAvgPool", 1, 1, index_of<QPoolAttrs>()},
    {Op::kQGlobalAvgPool, "QGlobalAvgPool", 1, 1, index_of<QPoolAttrs>()},
    {Op::kQConcat, "QConcat", 1, kMany, index_of<RequantAttrs>()},
    {Op::kQLut, "QLut", 2, 2, index_of<None>()},
    {Op::kFConv, "FConv", 2, 4, index_of<FusedConvAttrs>()},
    {Op::kFGemm, "FGemm", 2, 4, index_of<FusedGemmAttrs>()},
};

constexpr bool in_order() {
  for (size_t i = 0; i < std::size(kTable); ++i) {
    if (static_cast<size_t>(kTable[i].op) != i) return false;
  }
  return std::size(kTable) == static_cast<size_t>(Op::kFGemm) + 1;
}
static_assert(in_order(), "one row an operator, in the order of the enum");

}  // namespace

const OpInfo& info(Op op) {
  QAT_ASSERT(static_cast<size_t>(op) < std::size(kTable));
  return kTable[static_cast<size_t>(op)];
}

std::span<const OpInfo> all_ops() { return kTable; }

std::string place(const Node& node) { return cat("[", lower(info(node.op).name), " ", node.name, "]"); }

std::string_view name_of(Op op) { return info(op).name; }

Op parse_op(std::string_view name) {
  std::vector<std::string> names;
  for (const OpInfo& row : kTable) {
    if (row.name == name) return row.op;
    names.emplace_back(row.name);
  }
  const std::string near = closest(name, names);
  fail(Code::kBadFile, "unknown operator \"", name, "\"", near.empty() ? "" : "; did you mean " + near + "?");
}

}  // namespace qat::ir
