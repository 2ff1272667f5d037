// Greedy matching along single uses: see chains.h.
#include "train/chains.h"

#include <algorithm>

namespace qat::train {

namespace {

using ir::kNone;
using ir::Op;

class Finder {
 public:
  Finder(const ir::Graph& graph, ChainOptions options)
      : graph_(graph), options_(options), uses_(graph), taken_(graph.nodes.size(), false) {}

  std::vector<Chain> run() {
    std::vector<Chain> chains;
    for (ir::NodeId id = 0; id < static_cast<ir::NodeId>(graph_.nodes.size()); ++id) {
      if (taken_[static_cast<size_t>(id)]) continue;
      Chain chain = match(id);
      const bool alone = chain.norm == kNone && chain.act == kNone && chain.quant == kNone;
      if (alone && (chain.add == kNone || !options_.adds)) continue;
      for (ir::NodeId part : {chain.norm, chain.add, chain.act, chain.quant}) {
        if (part != kNone) taken_[static_cast<size_t>(part)] = true;
      }
      chains.push_back(chain);
    }
    std::sort(chains.begin(), chains.end(), [](const Chain& a, const Chain& b) { return a.last < b.last; });
    return chains;
  }

 private:
  const ir::Node& node(ir::NodeId id) const { return graph_.nodes[static_cast<size_t>(id)]; }

  // The only reader of `value`, kNone when there are several, none, or it is an output of the graph.
  ir::NodeId only_reader(ir::ValueId value) const {
    const auto& readers = uses_.consumers[static_cast<size_t>(value)];
    if (readers.size() != 1 || uses_.is_output[static_cast<size_t>(value)]) return kNone;
    return taken_[static_cast<size_t>(readers[0])] ? kNone : readers[0];
  }

  // Takes `id` as the chain's next part when its kind may come there; earlier parts may be absent.
  bool take(Chain& chain, ir::NodeId id, ir::ValueId from) const {
    const ir::Node& n = node(id);
    const bool before_act = chain.act == kNone && chain.quant == kNone;
    switch (n.op) {
      case Op::kBatchNorm:
        if (chain.last != kNone) return false;
        chain.norm = id;
        break;
      case Op::kAdd:
        if (!before_act || chain.add != kNone || graph_.has_data(n.inputs[0]) || graph_.has_data(n.inputs[1]))
          return false;
        chain.add = id;
        chain.skip = n.inputs[0] == from ? n.inputs[1] : n.inputs[0];
        break;
      case Op::kRelu:
      case Op::kClip:
        if (!before_act) return false;
        chain.act = id;
        chain.clip_lo = n.op == Op::kRelu ? 0.0f : n.as<ir::ClipAttrs>().lo;
        if (n.op == Op::kClip) chain.clip_hi = n.as<ir::ClipAttrs>().hi;
        break;
      case Op::kFakeQuant:
        if (!options_.quantize || chain.quant != kNone || !is_plain_activation_quantizer(graph_, n)) return false;
        chain.quant = id;
        break;
      default:
        return false;
    }
    chain.last = id;
    chain.output = n.output;
    return true;
  }

  Chain match(ir::NodeId first) const {
    Chain chain;
    chain.input = node(first).inputs.at(0);
    if (!take(chain, first, chain.input)) return chain;
    while (options_.fuse && chain.quant == kNone) {
      const ir::NodeId next = only_reader(chain.output);
      if (next == kNone || !take(chain, next, chain.output)) break;
    }
    return chain;
  }

  const ir::Graph& graph_;
  const ChainOptions options_;
  const ir::Uses uses_;
  std::vector<bool> taken_;
};

}  // namespace

bool is_plain_activation_quantizer(const ir::Graph& graph, const ir::Node& node) {
  if (node.op != Op::kFakeQuant || graph.has_data(node.inputs[0])) return false;
  return node.as<ir::FakeQuantAttrs>().axis < 0 && (node.inputs.size() < 3 || node.inputs[2] == kNone);
}

std::vector<Chain> find_chains(const ir::Graph& graph, ChainOptions options) { return Finder(graph, options).run(); }

}  // namespace qat::train
