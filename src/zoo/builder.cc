// Building blocks of the zoo: see builder.h.
#include "zoo/builder.h"

#include "ir/shapes.h"
#include "ir/verify.h"

namespace qat::zoo {

using ir::Op;
using ir::ValueId;

Builder::Builder(std::string name) { graph_.name = std::move(name); }

ValueId Builder::input(const std::string& name, ir::Dims dims) { return graph_.add_input(name, std::move(dims)); }

ValueId Builder::parameter(const std::string& name, Shape shape) {
  return graph_.add_parameter(name, Tensor(DType::kF32, std::move(shape)));
}

ValueId Builder::conv(const std::string& name, ValueId x, const ConvSpec& s) {
  std::vector<ValueId> inputs{x, parameter(name + ".weight", {s.out, s.in / s.groups, s.kernel, s.kernel})};
  if (s.bias) inputs.push_back(parameter(name + ".bias", {s.out}));
  return graph_.add_node(
      Op::kConv, name, std::move(inputs),
      ir::ConvAttrs{.stride = {s.stride, s.stride}, .pads = {s.pad, s.pad, s.pad, s.pad}, .groups = s.groups});
}

ValueId Builder::norm(const std::string& name, ValueId x, int64_t channels) {
  const ValueId gamma = parameter(name + ".weight", {channels});
  const ValueId beta = parameter(name + ".bias", {channels});
  const ValueId mean = graph_.add_buffer(name + ".running_mean", Tensor(DType::kF32, {channels}));
  const ValueId variance = graph_.add_buffer(name + ".running_var", Tensor(DType::kF32, {channels}));
  return graph_.add_node(Op::kBatchNorm, name, {x, gamma, beta, mean, variance}, ir::BatchNormAttrs{});
}

ValueId Builder::linear(const std::string& name, ValueId x, int64_t in, int64_t out) {
  const ValueId weight = parameter(name + ".weight", {out, in});
  return graph_.add_node(Op::kGemm, name, {x, weight, parameter(name + ".bias", {out})});
}

ValueId Builder::node(Op op, const std::string& name, std::vector<ValueId> inputs, ir::Attrs attrs) {
  return graph_.add_node(op, name, std::move(inputs), std::move(attrs));
}

ir::Graph Builder::finish(ValueId output) {
  graph_.value(output).name = "output";
  graph_.outputs = {output};
  ir::verify(graph_);
  ir::infer_shapes(graph_);
  return std::move(graph_);
}

}  // namespace qat::zoo
