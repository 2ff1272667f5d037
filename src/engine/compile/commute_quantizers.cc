// Pass: quantizers move before the operators that commute with them, so that int8 flows through; duplicates merge.
#include "engine/compile/match.h"
#include "engine/compile/passes.h"

namespace qat::engine {

namespace {

using ir::Op;

class Commuter {
 public:
  explicit Commuter(ir::Graph& graph) : graph_(graph), uses_(graph) {}

  // One rewrite; false when there is none left.
  bool step() {
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      const auto id = static_cast<ir::NodeId>(i);
      if (!coding_of(graph_, graph_.nodes[i])) continue;
      if (merge(id) || drop_repeated(id) || drop_before_clip(id) || move_up(id)) return true;
    }
    return false;
  }

 private:
  const ir::Node& node(ir::NodeId id) const { return graph_.nodes[static_cast<size_t>(id)]; }

  bool same(const ir::Node& a, const ir::Node& b) const {
    const auto ca = coding_of(graph_, a), cb = coding_of(graph_, b);
    return ca && cb && same_coding(*ca, *cb);
  }

  void remove(ir::NodeId id, ir::ValueId replacement) {
    const ir::ValueId output = node(id).output;
    graph_.nodes.erase(graph_.nodes.begin() + id);
    graph_.replace_uses(output, replacement);
  }

  // Two equal quantizers of one tensor: the first serves both.
  bool merge(ir::NodeId id) {
    for (const ir::NodeId other : uses_.consumers[static_cast<size_t>(node(id).inputs[0])]) {
      if (other >= id || node(other).inputs[0] != node(id).inputs[0] || !same(node(other), node(id))) continue;
      remove(id, node(other).output);
      return true;
    }
    return false;
  }

  // A quantizer of values that are on its grid already: (q s) / s rounds to q.
  bool drop_repeated(ir::NodeId id) {
    const ir::Node* before = producer(graph_, uses_, node(id).inputs[0]);
    if (before == nullptr || before->op != Op::kFakeQuant || !same(*before, node(id))) return false;
    remove(id, before->output);
    return true;
  }

  // Two equal quantizers around a ReLU or Clip, as other toolkits write them: rounding is monotone, so
  // q(clip(q(x))) == q(clip(x)), and without the first one the clip goes into the layer before it.
  bool drop_before_clip(ir::NodeId id) {
    const ir::Node* clip = producer(graph_, uses_, node(id).inputs[0]);
    if (clip == nullptr || (clip->op != Op::kRelu && clip->op != Op::kClip)) return false;
    const ir::Node* first = producer(graph_, uses_, clip->inputs[0]);
    if (first == nullptr || first->op != Op::kFakeQuant || !same(*first, node(id))) return false;
    if (sole_consumer(graph_, uses_, first->output) == nullptr ||
        sole_consumer(graph_, uses_, clip->output) == nullptr) {
      return false;
    }
    remove(static_cast<ir::NodeId>(first - graph_.nodes.data()), first->inputs[0]);
    return true;
  }

  bool move_up(ir::NodeId id) {
    const ir::ValueId x = node(id).inputs[0];
    const ir::NodeId above = uses_.producer[static_cast<size_t>(x)];
    if (above == ir::kNone || sole_consumer(graph_, uses_, x) == nullptr) return false;
    const Op op = node(above).op;
    if (op != Op::kMaxPool && op != Op::kFlatten && op != Op::kReshape && op != Op::kConcat) return false;
    const ir::Node fake = node(id);
    if (op == Op::kConcat && requantizes(above, fake)) return false;
    graph_.nodes.erase(graph_.nodes.begin() + id);
    graph_.replace_uses(fake.output, x);
    std::vector<ir::ValueId> inputs = node(above).inputs;
    for (size_t i = 0; i < inputs.size(); ++i) {
      ir::Node copy = fake;
      copy.inputs[0] = inputs[i];
      if (i > 0) copy.name += "." + std::to_string(i);
      copy.output = graph_.add_value({.name = copy.name});
      graph_.nodes[static_cast<size_t>(above) + i].inputs[i] = copy.output;
      graph_.nodes.insert(graph_.nodes.begin() + above + static_cast<std::ptrdiff_t>(i), copy);
    }
    return true;
  }

  // A concatenation of coded tensors with other codings stays as it is: it requantizes.
  bool requantizes(ir::NodeId concat, const ir::Node& fake) const {
    for (const ir::ValueId input : node(concat).inputs) {
      const ir::Node* before = producer(graph_, uses_, input);
      if (before != nullptr && coding_of(graph_, *before) && !same(*before, fake)) return true;
    }
    return false;
  }

  ir::Graph& graph_;
  ir::Uses uses_;
};

}  // namespace

ir::Graph commute_quantizers(ir::Graph graph, PassContext&) {
  while (Commuter(graph).step()) {
  }
  ir::prune(graph);
  return graph;
}

}  // namespace qat::engine
