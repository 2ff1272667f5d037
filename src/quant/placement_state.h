// What the placement rules share: which tensors they want quantized, for whom, and which tensors must share a range.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"
#include "quant/placement.h"

namespace qat::quant {

// A node that reads a tensor in int8.
struct Use {
  ir::NodeId node;
  size_t input;
  std::string name;  // of the quantizer, "layer1.0.conv1._input_quantizer"; "" where the node only passes int8 on
};

struct PlacementState {
  PlacementState(const ir::Graph& graph, const PlacementOptions& options);

  const ir::Graph& graph;
  ir::Uses uses;
  std::vector<bool> layer;  // by node: a Conv, ConvTranspose or Gemm that will run in int8
  std::vector<bool> skip;   // by node: left in float by option
  std::vector<int> depth;   // by value: layers on the longest path from an input
  // By value, filled from the network's end to its beginning.
  std::vector<std::vector<Use>> wanted;  // gets a FakeQuant, for these
  std::vector<std::vector<Use>> passed;  // commuting nodes that read the FakeQuant if there is one
  std::vector<bool> int8;                // wanted, or read by commuting operators whose output is
  std::vector<bool> before_int8;         // the same, with activations in between
  std::vector<ir::ValueId> shared;       // union-find: tensors of one set share one range

  bool is_activation(ir::ValueId id) const { return id != ir::kNone && !graph.has_data(id); }
  const ir::Node& node(ir::NodeId id) const { return graph.nodes[static_cast<size_t>(id)]; }

  // The input of `id` gets a FakeQuant.
  void want(ir::NodeId id, size_t input, std::string name);
  void share(ir::ValueId a, ir::ValueId b);
  ir::ValueId set_of(ir::ValueId id) const;
};

// The rules, each about one family of operators; `id` is visited after all readers of its output.
void place_layers(PlacementState& state, ir::NodeId id);     // rules 1, 2, 7, 8
void place_residual(PlacementState& state, ir::NodeId id);   // rule 3
void place_commuting(PlacementState& state, ir::NodeId id);  // rule 4: MaxPool and views; activations pass demand back
void place_pools(PlacementState& state, ir::NodeId id);      // rule 4: averages
void place_concat(PlacementState& state, ir::NodeId id);     // rule 5
void place_mul(PlacementState& state, ir::NodeId id);        // rule 6

// Conv, ConvTranspose, Gemm with constant weights, not left in float by the options.
void find_layers(PlacementState& state, const PlacementOptions& options);

// Spatial means: AvgPool, GlobalAvgPool, ReduceMean over H and W.
bool is_average(const ir::Node& node);

// The graph with the FakeQuant nodes that the state asks for.
ir::Graph insert_quantizers(const PlacementState& state, const StoredRanges& stored);

}  // namespace qat::quant
