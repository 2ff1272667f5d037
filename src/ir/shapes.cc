// Shape inference over a graph, and the shape functions of elementwise and layer operators.
#include "ir/shapes.h"

#include "base/checked.h"
#include "ir/op_table.h"
#include "ir/shape_functions.h"

namespace qat::ir {

std::string to_text(const Dims& dims) {
  std::vector<std::string> parts;
  for (const int64_t d : dims) parts.push_back(d == kDynamic ? "?" : std::to_string(d));
  return parts.empty() ? "scalar" : join(parts, "x");
}

int64_t output_extent(const Window& w) {
  if (w.in == kDynamic) return kDynamic;
  const int64_t padded = checked_add(checked_add(w.in, w.pad_begin, "padding"), w.pad_end, "padding");
  const int64_t reach = checked_add(checked_mul(w.dilation, w.kernel - 1, "window"), int64_t{1}, "window");
  const int64_t room = padded - reach;
  if (room < 0) return 0;
  int64_t extent = room / w.stride + 1;
  if (w.ceil && room % w.stride != 0) ++extent;
  if (w.ceil && (extent - 1) * w.stride >= w.in + w.pad_begin) --extent;
  return extent;
}

namespace {

using Functions = std::array<ShapeFunction, static_cast<size_t>(Op::kFGemm) + 1>;

Functions float_functions() {
  Functions table{};
  const auto set = [&](ShapeFunction function, std::initializer_list<Op> ops) {
    for (const Op op : ops) table[static_cast<size_t>(op)] = function;
  };
  set(conv_shape, {Op::kConv});
  set(conv_transpose_shape, {Op::kConvTranspose});
  set(gemm_shape, {Op::kGemm});
  set(batch_norm_shape, {Op::kBatchNorm});
  set(same_shape, {Op::kRelu, Op::kClip, Op::kSigmoid, Op::kHardSigmoid, Op::kHardSwish, Op::kSilu, Op::kLeakyRelu,
                   Op::kTanh, Op::kIdentity, Op::kDropout, Op::kSoftmax});
  set(fake_quant_shape, {Op::kFakeQuant});
  set(broadcast_shape, {Op::kAdd, Op::kSub, Op::kMul, Op::kDiv});
  set(pool_shape, {Op::kMaxPool, Op::kAvgPool});
  set(global_pool_shape, {Op::kGlobalAvgPool});
  set(concat_shape, {Op::kConcat});
  set(flatten_shape, {Op::kFlatten});
  set(reshape_shape, {Op::kReshape});
  set(transpose_shape, {Op::kTranspose});
  set(pad_shape, {Op::kPad});
  set(reduce_mean_shape, {Op::kReduceMean});
  return table;
}

}  // namespace

ShapeFunction& shape_function(Op op) {
  static Functions table = float_functions();
  return table.at(static_cast<size_t>(op));
}

void infer_shapes(Graph& graph) {
  for (const Node& node : graph.nodes) {
    ShapeContext context{.graph = graph, .node = node};
    for (const ValueId id : node.inputs) context.inputs.push_back(id == kNone ? Dims{} : graph.value(id).dims);
    const ShapeFunction function = shape_function(node.op);
    QAT_ASSERT(function != nullptr);
    Inferred inferred = function(context);
    for (const int64_t extent : inferred.dims) {
      if (extent != kDynamic && extent <= 0)
        fail(Code::kBadFile, place(node), " has an empty output ", to_text(inferred.dims), " for an input ",
             to_text(context.inputs.empty() ? Dims{} : context.inputs[0]), "; give a larger input");
    }
    Value& output = graph.value(node.output);
    output.dims = std::move(inferred.dims);
    output.type = inferred.type;
  }
}

void infer_shapes(Graph& graph, const std::vector<Dims>& input_dims) {
  if (input_dims.size() != graph.inputs.size())
    fail(Code::kBadFile, "[graph ", graph.name, "] expected ", graph.inputs.size(), " inputs, got ", input_dims.size());
  for (size_t i = 0; i < input_dims.size(); ++i) {
    Value& input = graph.value(graph.inputs[i]);
    bool fits = input.dims.size() == input_dims[i].size();
    for (size_t d = 0; fits && d < input.dims.size(); ++d)
      fits = input.dims[d] == kDynamic || input.dims[d] == input_dims[i][d];
    if (!fits)
      fail(Code::kBadFile, "[input ", input.name, "] expected ", to_text(input.dims), ", got ", to_text(input_dims[i]));
    input.dims = input_dims[i];
  }
  infer_shapes(graph);
}

}  // namespace qat::ir
