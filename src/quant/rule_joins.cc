// Rules 5 and 6: a Concat whose result is int8 shares one range among its inputs and output; a product of two
// activations (squeeze-excite) whose result is int8 reads both in int8.
#include <algorithm>

#include "quant/placement_state.h"

namespace qat::quant {

using ir::NodeId;
using ir::Op;
using ir::ValueId;

void place_concat(PlacementState& state, NodeId id) {
  const ir::Node& node = state.node(id);
  if (node.op != Op::kConcat || !state.int8[static_cast<size_t>(node.output)]) return;
  const bool constant =
      std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId input) { return !state.is_activation(input); });
  if (constant) return;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    state.want(id, i, cat(node.name, "._input", i, "_quantizer"));
    state.share(node.inputs[i], node.output);
  }
}

namespace {

// x * gate(x): a SiLU or HardSwish spelled out, which stays float inside.
bool is_self_gate(const PlacementState& state, const ir::Node& node) {
  for (size_t i = 0; i < 2; ++i) {
    const NodeId producer = state.uses.producer[static_cast<size_t>(node.inputs[i])];
    if (producer == ir::kNone) continue;
    const ir::Node& gate = state.node(producer);
    if ((gate.op == Op::kSigmoid || gate.op == Op::kHardSigmoid) && gate.inputs[0] == node.inputs[1 - i]) return true;
  }
  return node.inputs[0] == node.inputs[1];
}

}  // namespace

void place_mul(PlacementState& state, NodeId id) {
  const ir::Node& node = state.node(id);
  if (node.op != Op::kMul || !state.is_activation(node.inputs[0]) || !state.is_activation(node.inputs[1])) return;
  if (!state.before_int8[static_cast<size_t>(node.output)] || is_self_gate(state, node)) return;
  for (size_t i = 0; i < 2; ++i) state.want(id, i, cat(node.name, "._input", i, "_quantizer"));
}

}  // namespace qat::quant
