// Averages live beside the graph and change places with its data: see weight_average.h.
#include "train/weight_average.h"

#include <algorithm>

#include "base/error.h"

namespace qat::train {

WeightAverage::WeightAverage(ir::Graph& graph, double decay) : graph_(graph), decay_(decay) {
  if (decay < 0 || decay >= 1) fail(Code::kUsage, "[TRAIN.EMA] expected 0 <= decay < 1, got ", decay);
  if (decay == 0) return;
  std::vector<bool> range(graph.values.size(), false);
  for (const ir::Node& node : graph.nodes) {
    for (size_t k = 1; node.op == ir::Op::kFakeQuant && k < node.inputs.size(); ++k) {
      if (node.inputs[k] != ir::kNone) range[static_cast<size_t>(node.inputs[k])] = true;
    }
  }
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const ir::Value& value = graph.values[i];
    if (value.role == ir::Role::kActivation || value.type != DType::kF32 || range[i]) continue;
    averaged_.push_back(static_cast<ir::ValueId>(i));
    const auto data = value.data.data<float>();
    values_[value.name].assign(data.begin(), data.end());
  }
}

void WeightAverage::update(int64_t step) {
  const double warm = (1.0 + static_cast<double>(step)) / (10.0 + static_cast<double>(step));
  const float keep = static_cast<float>(std::min(decay_, warm));
  for (ir::ValueId id : averaged_) {
    const ir::Value& value = graph_.value(id);
    const auto data = value.data.data<float>();
    std::vector<float>& average = values_[value.name];
    for (size_t i = 0; i < average.size(); ++i) average[i] += (1.0f - keep) * (data[i] - average[i]);
  }
}

void WeightAverage::swap() {
  for (ir::ValueId id : averaged_) {
    ir::Value& value = graph_.value(id);
    std::vector<float>& average = values_[value.name];
    std::swap_ranges(average.begin(), average.end(), value.data.data<float>().begin());
  }
}

void WeightAverage::restore(std::map<std::string, std::vector<float>> values) {
  for (const auto& [name, average] : values_) {
    const auto found = values.find(name);
    if (found == values.end() || found->second.size() != average.size()) {
      fail(Code::kBadFile, "[training state] no average of ", name, "; continue with the TRAIN.EMA of the run");
    }
  }
  if (decay_ > 0) values_ = std::move(values);
}

}  // namespace qat::train
