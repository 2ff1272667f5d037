// Names and scales of quantizers: see ranges.h.
#include "train/ranges.h"

#include "base/error.h"
#include "base/qmath.h"
#include "base/text.h"

namespace qat::train {

namespace {

template <class Mode>
Mode parse(const char* key, const std::string& name, const std::vector<std::string>& names) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<Mode>(i);
  }
  fail(Code::kUsage, "[", key, "] expected one of ", join(names, ", "), ", got '", name, "'");
}

}  // namespace

RangeMode parse_range_mode(const std::string& name) {
  return parse<RangeMode>("TRAIN.RANGES", name, {"fixed", "moving", "learned"});
}

WeightRangeMode parse_weight_range_mode(const std::string& name) {
  return parse<WeightRangeMode>("TRAIN.WEIGHT_RANGES", name, {"fixed", "step", "learned"});
}

float Quantizer::scale(int64_t c) const {
  const float value = range[c];
  if (value == 0.0f) return 1.0f;
  return kind == ir::RangeKind::kAmax ? scale_of_amax(value) : value;
}

Quantizer quantizer_of(ir::Graph& graph, const ir::Node& fake_quant) {
  const auto& attrs = fake_quant.as<ir::FakeQuantAttrs>();
  ir::Value& range = graph.value(fake_quant.inputs.at(1));
  return {.name = range.name,
          .range = range.data.data<float>().data(),
          .channels = range.data.size(),
          .axis = attrs.axis,
          .kind = attrs.range,
          .lo = attrs.lo,
          .hi = attrs.hi};
}

}  // namespace qat::train
