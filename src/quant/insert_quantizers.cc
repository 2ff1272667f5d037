// Rewrites a graph with the FakeQuant nodes that the rules asked for: one a tensor, one range a set of tensors.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "quant/placement_state.h"

namespace qat::quant {

using ir::Op;
using ir::ValueId;

namespace {

class Rewrite {
 public:
  explicit Rewrite(const PlacementState& state) : state_(state), graph_(ir::clone(state.graph)) {
    for (const ir::Value& value : graph_.values) taken_.insert(value.name);
    name_uses();
  }

  ir::Graph run() {
    std::vector<ir::Node> old = std::move(graph_.nodes);
    graph_.nodes.clear();
    std::map<ValueId, ValueId> quantized;  // tensor -> the FakeQuant's output
    const auto after = [&](ValueId tensor) {
      if (!names_.contains(tensor)) return;
      quantized[tensor] = graph_.add_node(Op::kFakeQuant, names_.at(tensor)[0],
                                          {tensor, ranges_.at(state_.set_of(tensor))}, ir::FakeQuantAttrs{});
    };
    for (const ValueId input : graph_.inputs) after(input);
    for (size_t i = 0; i < old.size(); ++i) {
      ir::Node& node = old[i];
      if (state_.layer[i]) node.inputs[1] = quantized_weight(node);
      for (const auto& [tensor, input] : reads_[static_cast<ir::NodeId>(i)]) node.inputs[input] = quantized.at(tensor);
      const ValueId output = node.output;
      graph_.nodes.push_back(std::move(node));
      after(output);
    }
    graph_.metadata["range_aliases"] = aliases_.dump();
    return std::move(graph_);
  }

 private:
  // A name that nothing else in the graph has.
  std::string unique(const std::string& quantizer) {
    std::string name = quantizer;
    for (int i = 2; taken_.contains(name + "._amax") || taken_.contains(name); ++i) name = cat(quantizer, "_", i);
    taken_.insert(name);
    taken_.insert(name + "._amax");
    return name;
  }

  // Names every reader's quantizer; the first of a set of tensors names its range, the others are aliases.
  void name_uses() {
    std::vector<std::pair<Use, ValueId>> all;
    for (size_t v = 0; v < state_.wanted.size(); ++v) {
      for (const Use& use : state_.wanted[v]) all.emplace_back(use, static_cast<ValueId>(v));
      if (state_.wanted[v].empty()) continue;
      for (const Use& use : state_.passed[v]) reads_[use.node].emplace_back(static_cast<ValueId>(v), use.input);
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
      return std::pair(a.first.node, a.first.input) < std::pair(b.first.node, b.first.input);
    });
    for (const auto& [use, tensor] : all) {
      reads_[use.node].emplace_back(tensor, use.input);
      const std::string name = unique(use.name);
      names_[tensor].push_back(name);
      const ValueId set = state_.set_of(tensor);
      const auto found = ranges_.find(set);
      if (found == ranges_.end()) {
        ranges_[set] = graph_.add_buffer(name + "._amax", Tensor(DType::kF32, {}));
      } else {
        aliases_[graph_.value(found->second).name].push_back(name + "._amax");
      }
    }
  }

  // Per output channel, of the shape that pytorch-quantization stores: [K,1,1,1]. Shared weights share the quantizer.
  ValueId quantized_weight(const ir::Node& node) {
    const ValueId weight = node.inputs[1];
    if (const auto found = weights_.find(weight); found != weights_.end()) return found->second;
    const int axis = node.op == Op::kConvTranspose ? 1 : 0;
    const ir::Dims dims = graph_.value(weight).dims;
    Shape shape(dims.size(), 1);
    shape[static_cast<size_t>(axis)] = dims[static_cast<size_t>(axis)];
    const std::string name = unique(node.name + "._weight_quantizer");
    const ValueId range = graph_.add_buffer(name + "._amax", Tensor(DType::kF32, shape));
    return weights_[weight] = graph_.add_node(Op::kFakeQuant, name, {weight, range},
                                              ir::FakeQuantAttrs{.axis = axis, .lo = -127, .hi = 127});
  }

  const PlacementState& state_;
  ir::Graph graph_;
  std::set<std::string> taken_;
  std::map<ir::NodeId, std::vector<std::pair<ValueId, size_t>>> reads_;  // by node: (tensor, input) read in int8
  std::map<ValueId, std::vector<std::string>> names_;                    // by tensor: its readers' quantizers
  std::map<ValueId, ValueId> ranges_;                                    // by set of tensors
  std::map<ValueId, ValueId> weights_;
  nlohmann::ordered_json aliases_ = nlohmann::ordered_json::object();
};

}  // namespace

ir::Graph insert_quantizers(const PlacementState& state) { return Rewrite(state).run(); }

}  // namespace qat::quant
