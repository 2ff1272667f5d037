// Rule 3: an Add that a layer ends in runs in that layer's epilogue, so only its other input is quantized.
#include "quant/placement_state.h"

namespace qat::quant {

using ir::NodeId;
using ir::Op;
using ir::ValueId;

namespace {

// Whether the value comes from an int8 layer, through BatchNorm at most, and nobody else reads it on the way.
bool ends_in_layer(const PlacementState& state, ValueId id) {
  while (state.is_activation(id)) {
    const auto v = static_cast<size_t>(id);
    const NodeId producer = state.uses.producer[v];
    if (producer == ir::kNone || state.uses.consumers[v].size() != 1 || state.uses.is_output[v]) return false;
    if (state.layer[static_cast<size_t>(producer)]) return true;
    const Op op = state.node(producer).op;
    if (op != Op::kBatchNorm && op != Op::kIdentity && op != Op::kDropout) return false;
    id = state.node(producer).inputs[0];
  }
  return false;
}

// pytorch-quantization's name: the block's, "layer1.0.residual_quantizer".
std::string residual_name(const std::string& add) {
  const size_t cut = add.find_last_of("./");
  return (cut == std::string::npos || cut == 0 ? add : add.substr(0, cut)) + ".residual_quantizer";
}

}  // namespace

void place_residual(PlacementState& state, NodeId id) {
  const ir::Node& node = state.node(id);
  if (node.op != Op::kAdd || !state.is_activation(node.inputs[0]) || !state.is_activation(node.inputs[1])) return;
  const bool fuses[2] = {ends_in_layer(state, node.inputs[0]), ends_in_layer(state, node.inputs[1])};
  if (!fuses[0] && !fuses[1]) {  // an Add of its own: int8 where its result is
    if (!state.before_int8[static_cast<size_t>(node.output)]) return;
    state.want(id, 0, node.name + "._input_quantizer");
    state.want(id, 1, residual_name(node.name));
    return;
  }
  // Where both could, the branch with the longer path stays: its layer finishes last.
  const int depth0 = state.depth[static_cast<size_t>(node.inputs[0])];
  const int depth1 = state.depth[static_cast<size_t>(node.inputs[1])];
  const size_t main = fuses[0] && fuses[1] ? (depth1 > depth0 ? 1 : 0) : (fuses[0] ? 0 : 1);
  state.want(id, 1 - main, residual_name(node.name));
}

}  // namespace qat::quant
