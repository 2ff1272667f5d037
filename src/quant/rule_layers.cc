// Rules 1, 2, 7 and 8: every input of Conv, ConvTranspose and Gemm is quantized, weights included; outputs and biases
// are not; first, last and named layers are switches.
#include <algorithm>

#include "quant/placement_state.h"

namespace qat::quant {

using ir::NodeId;
using ir::Op;
using ir::ValueId;

namespace {

bool is_layer(const ir::Node& node) {
  return node.op == Op::kConv || node.op == Op::kConvTranspose || node.op == Op::kGemm;
}

// * stands for any text, dots included.
bool matches(std::string_view name, std::string_view pattern) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] != '*') return !name.empty() && name[0] == pattern[0] && matches(name.substr(1), pattern.substr(1));
  const std::string_view rest = pattern.substr(
      pattern.find_first_not_of('*') == std::string_view::npos ? pattern.size() : pattern.find_first_not_of('*'));
  for (size_t i = 0; i <= name.size(); ++i) {
    if (matches(name.substr(i), rest)) return true;
  }
  return false;
}

void skip_by_name(PlacementState& state, const std::vector<std::string>& patterns) {
  std::vector<std::string> layers;
  for (const ir::Node& node : state.graph.nodes) {
    if (is_layer(node)) layers.push_back(node.name);
  }
  for (const std::string& pattern : patterns) {
    bool found = false;
    for (size_t i = 0; i < state.graph.nodes.size(); ++i) {
      if (!matches(state.graph.nodes[i].name, pattern)) continue;
      state.skip[i] = found = true;
    }
    if (found) continue;
    const std::string near = closest(pattern, layers);
    fail(Code::kUsage, "[QUANT.SKIP] \"", pattern, "\" matches no layer of ", state.graph.name,
         near.empty() ? "; `qat inspect` lists them" : "; did you mean " + near + "?");
  }
}

// Layers with no layer between them and the graph's inputs. Also fills depth.
void skip_first(PlacementState& state, bool quantize_first) {
  for (size_t i = 0; i < state.graph.nodes.size(); ++i) {
    const ir::Node& node = state.graph.nodes[i];
    int depth = 0;
    for (const ValueId id : node.inputs) {
      if (state.is_activation(id)) depth = std::max(depth, state.depth[static_cast<size_t>(id)]);
    }
    if (is_layer(node) && depth == 0 && !quantize_first) state.skip[i] = true;
    state.depth[static_cast<size_t>(node.output)] = depth + (is_layer(node) ? 1 : 0);
  }
}

// Layers with no layer between them and an output of the graph.
void skip_last(PlacementState& state) {
  std::vector<bool> open(state.graph.values.size(), false);
  for (const ValueId id : state.graph.outputs) open[static_cast<size_t>(id)] = true;
  for (size_t i = state.graph.nodes.size(); i-- > 0;) {
    const ir::Node& node = state.graph.nodes[i];
    if (!open[static_cast<size_t>(node.output)]) continue;
    if (is_layer(node)) {
      state.skip[i] = true;
      continue;
    }
    for (const ValueId id : node.inputs) {
      if (state.is_activation(id)) open[static_cast<size_t>(id)] = true;
    }
  }
}

}  // namespace

void find_layers(PlacementState& state, const PlacementOptions& options) {
  skip_by_name(state, options.skip);
  skip_first(state, options.first_layer);
  if (!options.last_layer) skip_last(state);
  for (size_t i = 0; i < state.graph.nodes.size(); ++i) {
    const ir::Node& node = state.graph.nodes[i];
    state.layer[i] =
        is_layer(node) && !state.skip[i] && state.is_activation(node.inputs[0]) && state.graph.has_data(node.inputs[1]);
  }
}

void place_layers(PlacementState& state, NodeId id) {
  if (state.layer[static_cast<size_t>(id)]) state.want(id, 0, state.node(id).name + "._input_quantizer");
}

}  // namespace qat::quant
