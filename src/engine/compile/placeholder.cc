// Placeholder ranges: see placeholder.h.
#include "engine/compile/placeholder.h"

#include <algorithm>
#include <cmath>

#include "quant/placement.h"

namespace qat::engine {

namespace {

constexpr float kActivationRange = 6.0f;

Tensor weight_range(const ir::Graph& graph, const ir::Node& fake, const Tensor& old) {
  const Tensor& weight = graph.value(fake.inputs[0]).data;
  Tensor range(DType::kF32, old.shape());
  const int axis = fake.as<ir::FakeQuantAttrs>().axis;
  int64_t inner = 1, channels = 1;
  if (axis >= 0) {
    channels = weight.dim(static_cast<size_t>(axis));
    for (size_t d = static_cast<size_t>(axis) + 1; d < weight.shape().size(); ++d) inner *= weight.dim(d);
  }
  for (int64_t i = 0; i < weight.size(); ++i) {
    float& amax = range.data<float>()[static_cast<size_t>(i / inner % channels)];
    amax = std::max(amax, std::abs(weight.data<float>()[static_cast<size_t>(i)]));
  }
  return range;
}

}  // namespace

ir::Graph with_placeholder_scales(const ir::Graph& graph) {
  ir::Graph quantized = quant::place(graph, {});
  for (const ir::Node& node : quantized.nodes) {
    if (node.op != ir::Op::kFakeQuant) continue;
    ir::Value& range = quantized.value(node.inputs[1]);
    if (quantized.has_data(node.inputs[0])) {
      range.data = weight_range(quantized, node, range.data);
      continue;
    }
    range.data = Tensor(DType::kF32, range.data.shape());
    std::fill(range.data.data<float>().begin(), range.data.data<float>().end(), kActivationRange);
  }
  return quantized;
}

}  // namespace qat::engine
