// Scales and zero points of a FakeQuant node from its range input.
#include "ir/quant_range.h"

#include <cmath>

#include "ir/op_table.h"

namespace qat::ir {

namespace {

const Tensor& range_data(const Graph& graph, const Node& node, size_t input, const char* what) {
  const ValueId id = node.inputs.at(input);
  if (!graph.has_data(id)) fail(Code::kBadFile, place(node), " expected a constant ", what);
  const Tensor& data = graph.value(id).data;
  if (data.type() != DType::kF32)
    fail(Code::kBadFile, place(node), " expected a ", what, " of f32, got ", name_of(data.type()));
  return data;
}

float scale_of(const Node& node, RangeKind kind, float range) {
  const bool amax = kind == RangeKind::kAmax;
  if (!std::isfinite(range) || range < 0 || (!amax && range == 0))
    fail(Code::kBadFile, place(node), " expected a finite ", amax ? "amax of 0 or more" : "scale over 0", ", got ",
         range);
  const float scale = amax ? scale_of_amax(range) : range;
  return scale > 0 ? scale : 1.0f;  // amax 0, or so small that the scale underflows: every q is 0
}

}  // namespace

QuantRange quant_range(const Graph& graph, const Node& node) {
  const auto& a = node.as<FakeQuantAttrs>();
  QuantRange range{.axis = a.axis, .lo = a.lo, .hi = a.hi};
  for (const float value : range_data(graph, node, 1, "range").data<float>())
    range.scale.push_back(scale_of(node, a.range, value));
  range.zero_point.assign(range.scale.size(), 0);
  if (node.inputs.size() < 3 || node.inputs[2] == kNone) return range;

  const Tensor& zero_points = range_data(graph, node, 2, "zero point");
  if (zero_points.size() != static_cast<int64_t>(range.scale.size()))
    fail(Code::kBadFile, place(node), " expected ", range.scale.size(), " zero points, got ", zero_points.size());
  for (size_t i = 0; i < range.zero_point.size(); ++i) {
    const float z = zero_points.data<float>()[i];
    if (!(z >= static_cast<float>(a.lo) && z <= static_cast<float>(a.hi)) || z != std::nearbyint(z))
      fail(Code::kBadFile, place(node), " expected an integer zero point in [", a.lo, ", ", a.hi, "], got ", z);
    range.zero_point[i] = static_cast<int>(z);
  }
  return range;
}

std::optional<QuantInfo> coding_of(const Graph& graph, const Node& node) {
  if (node.op != Op::kFakeQuant || graph.has_data(node.inputs[0])) return std::nullopt;
  const QuantRange range = quant_range(graph, node);
  if (range.scale.size() != 1) return std::nullopt;
  return QuantInfo{.scale = range.scale[0], .zero_point = range.zero_point[0], .lo = range.lo, .hi = range.hi};
}

bool same_coding(const QuantInfo& a, const QuantInfo& b) {
  return a.scale == b.scale && a.zero_point == b.zero_point && a.lo == b.lo && a.hi == b.hi;
}

}  // namespace qat::ir
