// Rule 4: MaxPool and views commute with Q/DQ and get none of their own; averages need them on both sides.
#include "ir/match.h"
#include "quant/placement_state.h"

namespace qat::quant {

using ir::NodeId;
using ir::Op;

namespace {

bool commutes(const ir::Node& node) {
  return ir::moves_values(node.op) || (node.op == Op::kPad && node.as<ir::ListAttrs>().value == 0.0f);
}

bool is_pointwise(Op op) { return op >= Op::kRelu && op <= Op::kTanh; }

}  // namespace

bool is_average(const ir::Node& node) {
  if (node.op == Op::kAvgPool || node.op == Op::kGlobalAvgPool) return true;
  if (node.op != Op::kReduceMean) return false;
  const auto& axes = node.as<ir::ListAttrs>().values;
  return axes == std::vector<int64_t>{2, 3} || axes == std::vector<int64_t>{-2, -1};
}

// The quantizer stays at the reader of the view's output. Its range is shared with the view's input, so that an int8
// copy of one serves both.
void place_commuting(PlacementState& state, NodeId id) {
  const ir::Node& node = state.node(id);
  const bool view = commutes(node);
  if ((!view && !is_pointwise(node.op)) || !state.is_activation(node.inputs[0])) return;
  const auto x = static_cast<size_t>(node.inputs[0]), y = static_cast<size_t>(node.output);
  if (state.before_int8[y]) state.before_int8[x] = true;
  if (!view || !state.int8[y]) return;
  state.int8[x] = true;
  state.passed[x].push_back({.node = id, .input = 0});
  state.share(node.inputs[0], node.output);
}

// int8 in means int8 out: an average whose result stays float is left in float.
void place_pools(PlacementState& state, NodeId id) {
  const ir::Node& node = state.node(id);
  if (is_average(node) && state.is_activation(node.inputs[0]) && state.int8[static_cast<size_t>(node.output)])
    state.want(id, 0, node.name + "._input_quantizer");
}

}  // namespace qat::quant
