// Layers, pools and chains in units of their outputs: see exact_steps.h.
#include "train/libtorch/exact_steps.h"

#include <cmath>

#include "base/qmath.h"
#include "ir/canonical.h"
#include "ir/match.h"
#include "ir/quant_range.h"
#include "train/libtorch/exact_chains.h"
#include "train/libtorch/exact_layer.h"
#include "train/libtorch/exact_ops.h"
#include "train/libtorch/exact_places.h"
#include "train/libtorch/fake_quant_step.h"
#include "train/libtorch/pixel_pass.h"

namespace qat::train {

namespace {

using ir::kNone;
using ir::NodeId;
using ir::Op;
using ir::ValueId;

class Maker {
 public:
  Maker(ExactPlan& plan, at::Device device)
      : plan_(plan),
        device_(device),
        graph_(plan.graph),
        places_(graph_),
        units_(plan.units),
        layer_of_(graph_.values.size()) {
    units_.assign(graph_.values.size(), 1.0f);
  }

  void run() {
    const auto chains = find_chains(graph_, {.adds = true});
    std::vector<const Chain*> ends(graph_.nodes.size(), nullptr);
    std::vector<bool> inside(graph_.nodes.size(), false);
    for (const Chain& chain : chains) {
      ends[static_cast<size_t>(chain.last)] = &chain;
      for (NodeId part : {chain.add, chain.act, chain.quant}) {
        if (part != kNone) inside[static_cast<size_t>(part)] = true;
      }
    }
    for (const Chain& chain : chains) {
      if (places_.takes_sums(chain.input, chain.skip)) merging_.insert(chain.input);
      if (chain.skip != kNone && places_.takes_sums(chain.skip, chain.input)) merging_.insert(chain.skip);
    }
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (ends[i] != nullptr) {
        add_chain(*ends[i]);
      } else if (!inside[i]) {
        add_node(graph_.nodes[i]);
      }
    }
    free_early();
  }

 private:
  void push(const ir::Node& node, Run run, const std::vector<ValueId>& reads) {
    for (ValueId id : reads) {
      if (id != kNone && !graph_.has_data(id)) last_reader_[id] = plan_.steps.size();
    }
    plan_.steps.push_back({.name = node.name, .output = node.output, .run = std::move(run), .last_used = {}});
  }

  // Activations are released after the last step that reads them; outputs of the graph stay.
  void free_early() {
    for (ValueId id : graph_.outputs) last_reader_.erase(id);
    for (const auto& [id, step] : last_reader_) plan_.steps[step].last_used.push_back(id);
  }

  float& unit(ValueId id) { return units_[static_cast<size_t>(id)]; }
  double real_unit(ValueId id) { return static_cast<double>(unit(id)); }

  bool equal_units(const ir::Node& node) {
    return std::all_of(node.inputs.begin(), node.inputs.end(),
                       [&](ValueId id) { return unit(id) == unit(node.inputs[0]); });
  }

  void add_node(const ir::Node& node) {
    if (node.op == Op::kFakeQuant) return add_fake_quant(node);
    if (node.op == Op::kConv || node.op == Op::kGemm) {
      if (auto layer = exact_layer(graph_, node, {.uses = places_.uses(), .units = units_, .device = device_}))
        return add_layer(node, std::move(layer));
    }
    if (Run run = exact_form(node)) return push(node, std::move(run), node.inputs);
    const Run op = make_op(graph_, node, &plan_.state);
    if (ir::moves_values(node.op) || (node.op == Op::kConcat && equal_units(node))) {
      unit(node.output) = unit(node.inputs[0]);
      return push(node, op, node.inputs);
    }
    push(node, decoding(node, op), node.inputs);
  }

  // What engines have a formula for, its output's unit set; empty elsewhere.
  Run exact_form(const ir::Node& node) {
    const bool coded =
        std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return places_.integers(id); });
    const std::optional<float> scale = places_.wanted(node.output);
    switch (node.op) {
      case Op::kMul: {
        if (!places_.multiplies_integers(node.inputs[0], node.inputs[1])) return {};
        const float s = unit(node.output) = places_.result_unit(node.output);
        return exact_product(node, static_cast<float>(real_unit(node.inputs[0]) * real_unit(node.inputs[1]) / s));
      }
      case Op::kConcat: {
        if (!coded || !scale) return {};
        std::vector<float> scales;
        for (const ValueId id : node.inputs) scales.push_back(ratio(unit(id), *scale));
        unit(node.output) = *scale;
        return exact_concat(graph_, node, scales);
      }
      case Op::kAvgPool:
      case Op::kGlobalAvgPool:
        if (!coded || !scale) return {};
        unit(node.output) = *scale;
        return exact_average(graph_, node, real_unit(node.inputs[0]) / *scale);
      case Op::kHardSwish:
      case Op::kSilu:
      case Op::kSigmoid:
      case Op::kHardSigmoid:
      case Op::kLeakyRelu:
        if (coded) return exact_table(node, unit(node.inputs[0]), device_);
        unit(node.output) = unit(node.inputs[0]);
        return exact_function(graph_, node, unit(node.inputs[0]));
      case Op::kTanh:
        return coded ? exact_table(node, unit(node.inputs[0]), device_) : Run();
      default:
        return {};
    }
  }

  // Operators without integers of their own see real values.
  Run decoding(const ir::Node& node, Run op) {
    std::vector<std::pair<ValueId, float>> scaled;
    for (ValueId id : node.inputs) {
      if (id != kNone && unit(id) != 1.0f) scaled.emplace_back(id, unit(id));
    }
    if (scaled.empty()) return op;
    return [op = std::move(op), scaled](const Frame& f) {
      Frame real = f;
      for (const auto& [id, scale] : scaled) {
        real[static_cast<size_t>(id)] = at::mul(f[static_cast<size_t>(id)], at::Scalar(static_cast<double>(scale)));
      }
      return op(real);
    };
  }

  // What chains do not know: weights, ranges per channel.
  void add_fake_quant(const ir::Node& node) {
    if (graph_.has_data(node.inputs[0]) && feeds_exact_layers_only(node)) return;
    FakeQuantStep step{.quant = quantizer_of(graph_, node)};
    if (node.inputs.size() > 2 && node.inputs[2] != kNone) {
      const auto zero = graph_.value(node.inputs[2]).data.data<float>();
      step.zero_point.assign(zero.begin(), zero.end());
    }
    const ValueId x = node.inputs[0], range = node.inputs[1];
    push(node,
         decoding(node,
                  [step, x, range](const Frame& f) {
                    return step.run(f[static_cast<size_t>(x)], f[static_cast<size_t>(range)]);
                  }),
         {x});
  }

  bool feeds_exact_layers_only(const ir::Node& weight_quantizer) const {
    for (NodeId id : places_.uses().consumers[static_cast<size_t>(weight_quantizer.output)]) {
      if (!is_exact_layer(graph_, places_.uses(), graph_.nodes[static_cast<size_t>(id)])) return false;
    }
    return true;
  }

  void add_layer(const ir::Node& node, std::shared_ptr<const ExactLayer> layer) {
    if (merging_.contains(node.output)) {
      layer_of_[static_cast<size_t>(node.output)] = layer;
      return push(
          node, [layer](const Frame& f) { return layer->sums(f); }, node.inputs);
    }
    const float s = unit(node.output) = places_.result_unit(node.output);
    const Factors factors = layer->factors(s);
    push(
        node,
        [layer, factors](const Frame& f) {
          return run_pixels(layer->sums(f), {},
                            {.a = factors.m.const_data_ptr<float>(),
                             .b = factors.b.const_data_ptr<float>(),
                             .clip_lo = -INFINITY,
                             .clip_hi = INFINITY});
        },
        node.inputs);
  }

  void add_chain(const Chain& chain) {
    const ir::Node& last = node_of(chain.last);
    ValueId x = chain.input, skip = chain.skip;
    if (layer_at(skip) != nullptr) std::swap(x, skip);
    float s_y = 1.0f;
    if (chain.quant != kNone) {
      s_y = quantizer_of(graph_, node_of(chain.quant)).scale();
    } else if (chain.act == kNone && (layer_at(x) != nullptr || places_.adds_integers(x, skip))) {
      s_y = places_.result_unit(last.output);
    }
    const ChainOperands c{x, skip, unit(x), skip == kNone ? 1.0f : unit(skip), s_y};
    unit(last.output) = s_y;
    PixelPass pass{
        .skip_scale = ratio(c.skip_unit, s_y), .clip_lo = chain.clip_lo / s_y, .clip_hi = chain.clip_hi / s_y};
    if (chain.quant != kNone) {
      const auto& attrs = node_of(chain.quant).as<ir::FakeQuantAttrs>();
      pass.scale = 1.0f, pass.quant_lo = attrs.lo, pass.quant_hi = attrs.hi;
    }
    if (const auto& layer = layer_at(x)) {
      const Factors factors = layer->factors(s_y);
      return push(last,
                  [x, skip, pass, factors](const Frame& f) {
                    PixelPass with = pass;
                    with.a = factors.m.const_data_ptr<float>(), with.b = factors.b.const_data_ptr<float>();
                    return run_pixels(f[static_cast<size_t>(x)],
                                      skip == kNone ? at::Tensor() : f[static_cast<size_t>(skip)], with);
                  },
                  {x, skip});
    }
    push(last, float_chain(chain, c, pass, places_.adds_integers(x, skip)), {x, skip});
  }

  const ir::Node& node_of(NodeId id) const { return graph_.nodes[static_cast<size_t>(id)]; }
  std::shared_ptr<const ExactLayer> layer_at(ValueId id) const {
    return id == kNone ? nullptr : layer_of_[static_cast<size_t>(id)];
  }

  ExactPlan& plan_;
  const at::Device device_;
  ir::Graph& graph_;
  const ExactPlaces places_;
  std::vector<float>& units_;
  std::vector<std::shared_ptr<const ExactLayer>> layer_of_;  // by value: sums that a chain takes over
  std::set<ValueId> merging_;                                // what chains read as a layer's sums
  std::map<ValueId, size_t> last_reader_;
};

// q - z, which all formulas are of, is within bounds that are z lower.
void take_zero_points_out(ir::Graph& graph) {
  for (ir::Node& node : graph.nodes) {
    const auto coding = ir::coding_of(graph, node);
    if (!coding) continue;
    auto& attrs = node.as<ir::FakeQuantAttrs>();
    attrs.axis = -1, attrs.lo -= coding->zero_point, attrs.hi -= coding->zero_point;
    node.inputs.resize(2);
  }
}

}  // namespace

std::unique_ptr<ExactPlan> make_exact_plan(const ir::Graph& graph, at::Device device) {
  auto plan = std::make_unique<ExactPlan>();
  plan->graph = ir::clone(graph);
  ir::make_canonical(plan->graph);  // each value is then rounded where an engine rounds it
  take_zero_points_out(plan->graph);
  plan->leaves.resize(plan->graph.values.size());
  for (size_t i = 0; i < plan->graph.values.size(); ++i) {
    ir::Value& value = plan->graph.values[i];
    if (value.role == ir::Role::kActivation || value.type != DType::kF32) continue;
    plan->leaves[i] =
        at::from_blob(value.data.raw(), value.data.shape(), at::TensorOptions().dtype(at::kFloat)).to(device);
  }
  Maker(*plan, device).run();
  return plan;
}

}  // namespace qat::train
