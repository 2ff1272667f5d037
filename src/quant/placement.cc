// The placement rules in their order, and queries about placed graphs.
#include "quant/placement.h"

#include "ir/shapes.h"
#include "ir/verify.h"
#include "quant/placement_state.h"

namespace qat::quant {

using ir::NodeId;
using ir::Op;
using ir::ValueId;

namespace {

// QUANTIZATION, "Where Q/DQ goes": each rule looks at one family of operators.
using Rule = void (*)(PlacementState& state, NodeId id);
constexpr Rule kRules[] = {
    place_layers,     // 1 inputs and weights of Conv, ConvTranspose, Gemm; 2 nothing between Conv, BN, ReLU; 8 switches
    place_residual,   // 3 the skip input of an Add
    place_commuting,  // 4 MaxPool and views get none of their own
    place_pools,      // 4 averages: input and output
    place_concat,     // 5 one range for inputs and output
    place_mul,        // 6 both inputs of a squeeze-excite product
};

}  // namespace

PlacementState::PlacementState(const ir::Graph& g, const PlacementOptions& options)
    : graph(g),
      uses(g),
      layer(g.nodes.size(), false),
      skip(g.nodes.size(), false),
      depth(g.values.size(), 0),
      wanted(g.values.size()),
      passed(g.values.size()),
      int8(g.values.size(), false),
      before_int8(g.values.size(), false),
      shared(g.values.size()) {
  for (size_t i = 0; i < shared.size(); ++i) shared[i] = static_cast<ValueId>(i);
  find_layers(*this, options);
}

void PlacementState::want(NodeId id, size_t input, std::string name) {
  const ValueId tensor = node(id).inputs.at(input);
  QAT_ASSERT(is_activation(tensor));
  const auto v = static_cast<size_t>(tensor);
  wanted[v].push_back({.node = id, .input = input, .name = std::move(name)});
  int8[v] = before_int8[v] = true;
}

ValueId PlacementState::set_of(ValueId id) const {
  while (shared[static_cast<size_t>(id)] != id) id = shared[static_cast<size_t>(id)];
  return id;
}

void PlacementState::share(ValueId a, ValueId b) {
  a = set_of(a), b = set_of(b);
  shared[static_cast<size_t>(std::max(a, b))] = std::min(a, b);
}

ir::Graph place(const ir::Graph& graph, const PlacementOptions& options) {
  if (is_quantized(graph))
    fail(Code::kUsage, "[graph ", graph.name, "] is quantized already; calibrate the float checkpoint");
  PlacementState state(graph, options);
  for (auto id = static_cast<NodeId>(graph.nodes.size()) - 1; id >= 0; --id) {
    if (state.skip[static_cast<size_t>(id)]) continue;
    for (const Rule rule : kRules) rule(state, id);
  }
  ir::Graph placed = insert_quantizers(state, options.stored);
  ir::verify(placed);
  ir::infer_shapes(placed);
  return placed;
}

namespace {

std::vector<NodeId> quantizers(const ir::Graph& graph, bool of_data) {
  std::vector<NodeId> found;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const ir::Node& node = graph.nodes[i];
    if (node.op == Op::kFakeQuant && graph.has_data(node.inputs[0]) == of_data) found.push_back(static_cast<NodeId>(i));
  }
  return found;
}

}  // namespace

std::vector<NodeId> activation_quantizers(const ir::Graph& graph) { return quantizers(graph, false); }
std::vector<NodeId> weight_quantizers(const ir::Graph& graph) { return quantizers(graph, true); }

bool is_quantized(const ir::Graph& graph) {
  return !activation_quantizers(graph).empty() || !weight_quantizers(graph).empty();
}

}  // namespace qat::quant
