// Where FakeQuant nodes go: QUANTIZATION's rules, on any graph.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace qat::quant {

// What a file has for a range's name; nothing where it has none. Readers of a tensor whose stored ranges differ do not
// share a quantizer, unless the tensor shares its range with others.
using StoredRanges = std::function<std::optional<float>(const std::string& range)>;

struct PlacementOptions {
  bool first_layer = true;
  bool last_layer = true;
  std::vector<std::string> skip;  // names of layers (or Adds, pools, ...), * stands for any text
  StoredRanges stored;            // may be empty
};

// Returns the graph with FakeQuant nodes on every tensor and weight that int8 operators read, ranges 0 (to be
// calibrated; buffers). Names of the ranges follow pytorch-quantization: "<layer>._input_quantizer._amax",
// "<layer>._weight_quantizer._amax", "<block>.residual_quantizer._amax"; so do their shapes: [] for a tensor, [K,1,1,1]
// for a weight [K,C,R,S]. One FakeQuant serves all int8 readers of a tensor. Tensors that Concat, MaxPool or a view
// joins share one range: several FakeQuant nodes then read the same value. Metadata "range_aliases", a JSON object,
// lists under each range's name those of its other readers, which checkpoints also write. Throws Error(kUsage) on a
// graph that is quantized, and on a skip pattern that matches nothing.
ir::Graph place(const ir::Graph& graph, const PlacementOptions& options);

// FakeQuant nodes of the graph, split by what they quantize.
std::vector<ir::NodeId> activation_quantizers(const ir::Graph& graph);
std::vector<ir::NodeId> weight_quantizers(const ir::Graph& graph);
bool is_quantized(const ir::Graph& graph);

}  // namespace qat::quant
