// How the ranges of quantizers behave while training, and what one quantizer looks like to the kernels.
#pragma once

#include <cstdint>
#include <string>

#include "ir/graph.h"

namespace qat::train {

// TRAIN.RANGES. kMoving: range = (1 - momentum) range + momentum max|x| after each step's forward pass, which itself
// uses the range as it was. kLearned: by gradient (LSQ).
enum class RangeMode : uint8_t { kFixed, kMoving, kLearned };

// TRAIN.WEIGHT_RANGES. kStep: max|w| of the current weight.
enum class WeightRangeMode : uint8_t { kFixed, kStep, kLearned };

// Both throw Error(kUsage) with the nearest name.
RangeMode parse_range_mode(const std::string& name);
WeightRangeMode parse_weight_range_mode(const std::string& name);

// A FakeQuant node: its range lives in the graph (one value, or one per channel of `axis`).
struct Quantizer {
  std::string name;  // of the range: "layer1.0.conv1._input_quantizer._amax"
  float* range = nullptr;
  int64_t channels = 1;
  int axis = -1;
  ir::RangeKind kind = ir::RangeKind::kAmax;
  int lo = -128, hi = 127;

  // s of channel c: range / 127, or the range itself; 1 where the range is 0 (an all-zero channel).
  float scale(int64_t c = 0) const;
};

Quantizer quantizer_of(ir::Graph& graph, const ir::Node& fake_quant);

}  // namespace qat::train
