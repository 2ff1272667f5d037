// Rewrites a graph with the FakeQuant nodes that the rules asked for: one a tensor, one range a set of tensors, unless
// a file has several ranges for them.
#include <algorithm>
#include <list>
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
  Rewrite(const PlacementState& state, const StoredRanges& stored)
      : state_(state), stored_(stored), graph_(ir::clone(state.graph)), members_(state.graph.values.size()) {
    for (const ir::Value& value : graph_.values) taken_.insert(value.name);
    for (size_t v = 0; v < members_.size(); ++v) ++members_[static_cast<size_t>(state.set_of(static_cast<ValueId>(v)))];
    name_uses();
  }

  ir::Graph run() {
    std::vector<ir::Node> old = std::move(graph_.nodes);
    graph_.nodes.clear();
    std::map<const Quantizer*, ValueId> quantized;  // the FakeQuant's output
    const auto after = [&](ValueId tensor) {
      for (const Quantizer& q : quantizers_[tensor])
        quantized[&q] = graph_.add_node(Op::kFakeQuant, q.name, {tensor, q.range}, ir::FakeQuantAttrs{});
    };
    for (const ValueId input : graph_.inputs) after(input);
    for (size_t i = 0; i < old.size(); ++i) {
      ir::Node& node = old[i];
      if (state_.layer[i]) node.inputs[1] = quantized_weight(node);
      for (const Read& read : reads_[static_cast<ir::NodeId>(i)]) node.inputs[read.input] = quantized.at(read.from);
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

  // A FakeQuant of a tensor.
  struct Quantizer {
    std::string name;
    ValueId range;
  };
  struct Read {
    const Quantizer* from;
    size_t input;
  };
  // A range of a set of tensors, and what the file has for it.
  struct Range {
    ValueId value;
    std::optional<float> stored;
  };

  // Names every reader's quantizer. The first of a set of tensors names its range; the others are aliases where the
  // file has no other range for them. A reader for which it has none takes the largest of its tensor.
  void name_uses() {
    struct Reader {
      Use use;
      ValueId tensor;
      std::string name;
      std::optional<float> stored;
    };
    std::vector<Reader> all;
    for (size_t v = 0; v < state_.wanted.size(); ++v)
      for (const Use& use : state_.wanted[v]) all.push_back({use, static_cast<ValueId>(v), "", {}});
    std::sort(all.begin(), all.end(), [](const Reader& a, const Reader& b) {
      return std::pair(a.use.node, a.use.input) < std::pair(b.use.node, b.use.input);
    });
    std::map<ValueId, float> largest;  // of the stored ones, by tensor
    for (Reader& reader : all) {
      reader.name = unique(reader.use.name);
      reader.stored = stored_range(reader.tensor, reader.name + "._amax");
      if (!reader.stored) continue;
      float& most = largest.emplace(reader.tensor, *reader.stored).first->second;
      most = std::max(most, *reader.stored);
    }
    for (Reader& reader : all) {
      const auto most = largest.find(reader.tensor);
      if (!reader.stored && most != largest.end()) reader.stored = most->second;
      const ValueId range = range_of(state_.set_of(reader.tensor), reader.name + "._amax", reader.stored);
      reads_[reader.use.node].push_back({quantizer(reader.tensor, reader.name, range), reader.use.input});
    }
    for (size_t v = 0; v < state_.wanted.size(); ++v) {
      if (state_.wanted[v].empty()) continue;
      const Quantizer* first = &quantizers_.at(static_cast<ValueId>(v)).front();
      for (const Use& use : state_.passed[v]) reads_[use.node].push_back({first, use.input});
    }
  }

  // Only a tensor that shares its range with no other one, through a Concat, a MaxPool or a view, may have several:
  // what has passed one of these in a smaller range stays clipped.
  std::optional<float> stored_range(ValueId tensor, const std::string& name) const {
    if (!stored_ || members_[static_cast<size_t>(state_.set_of(tensor))] > 1) return {};
    return stored_(name);
  }

  ValueId range_of(ValueId set, const std::string& name, std::optional<float> stored) {
    for (const Range& range : ranges_[set]) {
      if (range.stored != stored) continue;
      aliases_[graph_.value(range.value).name].push_back(name);
      return range.value;
    }
    ranges_[set].push_back({graph_.add_buffer(name, Tensor(DType::kF32, {})), stored});
    return ranges_[set].back().value;
  }

  const Quantizer* quantizer(ValueId tensor, const std::string& name, ValueId range) {
    std::list<Quantizer>& all = quantizers_[tensor];
    for (const Quantizer& each : all)
      if (each.range == range) return &each;
    all.push_back({name, range});
    return &all.back();
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
  const StoredRanges& stored_;
  ir::Graph graph_;
  std::set<std::string> taken_;
  std::map<ir::NodeId, std::vector<Read>> reads_;       // inputs that are read in int8
  std::map<ValueId, std::list<Quantizer>> quantizers_;  // by tensor; a list: reads_ points into it
  std::map<ValueId, std::vector<Range>> ranges_;        // by set of tensors
  std::vector<int> members_;                            // by set: its tensors
  std::map<ValueId, ValueId> weights_;
  nlohmann::ordered_json aliases_ = nlohmann::ordered_json::object();
};

}  // namespace

ir::Graph insert_quantizers(const PlacementState& state, const StoredRanges& stored) {
  return Rewrite(state, stored).run();
}

}  // namespace qat::quant
