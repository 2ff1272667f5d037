// Quantizers move up, one rewrite at a time: see canonical.h.
#include "ir/canonical.h"
#include "ir/match.h"
#include "ir/quant_range.h"

namespace qat::ir {

namespace {

class Commuter {
 public:
  explicit Commuter(Graph& graph) : graph_(graph), uses_(graph) {}

  // One rewrite; false when there is none left.
  bool step() {
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      const auto id = static_cast<NodeId>(i);
      if (!coding_of(graph_, graph_.nodes[i])) continue;
      if (merge(id) || drop_repeated(id) || drop_before_clip(id) || move_up(id)) return true;
    }
    return false;
  }

 private:
  const Node& node(NodeId id) const { return graph_.nodes[static_cast<size_t>(id)]; }

  bool same(const Node& a, const Node& b) const {
    const auto ca = coding_of(graph_, a), cb = coding_of(graph_, b);
    return ca && cb && same_coding(*ca, *cb);
  }

  void remove(NodeId id, ValueId replacement) {
    const ValueId output = node(id).output;
    graph_.nodes.erase(graph_.nodes.begin() + id);
    graph_.replace_uses(output, replacement);
  }

  // Two equal quantizers of one tensor: the first serves both.
  bool merge(NodeId id) {
    for (const NodeId other : uses_.consumers[static_cast<size_t>(node(id).inputs[0])]) {
      if (other >= id || node(other).inputs[0] != node(id).inputs[0] || !same(node(other), node(id))) continue;
      remove(id, node(other).output);
      return true;
    }
    return false;
  }

  // A quantizer of values that are on its grid already: (q s) / s rounds to q.
  bool drop_repeated(NodeId id) {
    const Node* before = producer(graph_, uses_, node(id).inputs[0]);
    if (before == nullptr || before->op != Op::kFakeQuant || !same(*before, node(id))) return false;
    remove(id, before->output);
    return true;
  }

  // Two equal quantizers around a ReLU or Clip, as other toolkits write them: rounding is monotone, so
  // q(clip(q(x))) == q(clip(x)), and without the first one the clip goes into the layer before it.
  bool drop_before_clip(NodeId id) {
    const Node* clip = producer(graph_, uses_, node(id).inputs[0]);
    if (clip == nullptr || (clip->op != Op::kRelu && clip->op != Op::kClip)) return false;
    const Node* first = producer(graph_, uses_, clip->inputs[0]);
    if (first == nullptr || first->op != Op::kFakeQuant || !same(*first, node(id))) return false;
    if (sole_consumer(graph_, uses_, first->output) == nullptr) return false;
    if (sole_consumer(graph_, uses_, clip->output) == nullptr) return false;
    remove(static_cast<NodeId>(first - graph_.nodes.data()), first->inputs[0]);
    return true;
  }

  bool move_up(NodeId id) {
    const ValueId x = node(id).inputs[0];
    const NodeId above = uses_.producer[static_cast<size_t>(x)];
    if (above == kNone || sole_consumer(graph_, uses_, x) == nullptr) return false;
    const Op op = node(above).op;
    if (!moves_integers(op) && op != Op::kConcat) return false;
    const Node fake = node(id);
    if (op == Op::kConcat && requantizes(above, fake)) return false;
    graph_.nodes.erase(graph_.nodes.begin() + id);
    graph_.replace_uses(fake.output, x);
    std::vector<ValueId> inputs = node(above).inputs;
    for (size_t i = 0; i < inputs.size(); ++i) {
      Node copy = fake;
      copy.inputs[0] = inputs[i];
      if (i > 0) copy.name += "." + std::to_string(i);
      copy.output = graph_.add_value({.name = copy.name, .dims = graph_.value(inputs[i]).dims});
      graph_.nodes[static_cast<size_t>(above) + i].inputs[i] = copy.output;
      graph_.nodes.insert(graph_.nodes.begin() + above + static_cast<std::ptrdiff_t>(i), copy);
    }
    return true;
  }

  // A concatenation of coded tensors with other codings stays as it is: it requantizes.
  bool requantizes(NodeId concat, const Node& fake) const {
    for (const ValueId input : node(concat).inputs) {
      const Node* before = producer(graph_, uses_, input);
      if (before != nullptr && coding_of(graph_, *before) && !same(*before, fake)) return true;
    }
    return false;
  }

  Graph& graph_;
  Uses uses_;
};

}  // namespace

void commute_quantizers(Graph& graph) {
  while (Commuter(graph).step()) {
  }
  prune(graph);
}

}  // namespace qat::ir
