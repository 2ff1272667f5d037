// Where FakeQuant nodes go: QUANTIZATION's rules, on any graph.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace qat::quant {

struct PlacementOptions {
  bool first_layer = true;
  bool last_layer = true;
  std::vector<std::string> skip;  // layer names or patterns with *
};

// Returns the graph with FakeQuant nodes before every quantized input and weight, ranges 0 (to be calibrated). Names of
// the ranges follow pytorch-quantization: "<layer>._input_quantizer._amax", "<layer>._weight_quantizer._amax",
// "<block>.residual_quantizer._amax". One FakeQuant serves all consumers of a tensor; metadata "range_aliases" lists
// the names of the other consumers, which checkpoints also write.
ir::Graph place(const ir::Graph& graph, const PlacementOptions& options);

// FakeQuant nodes of the graph, split by what they quantize.
std::vector<ir::NodeId> activation_quantizers(const ir::Graph& graph);
std::vector<ir::NodeId> weight_quantizers(const ir::Graph& graph);
bool is_quantized(const ir::Graph& graph);

}  // namespace qat::quant
