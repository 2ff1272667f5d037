// Layers, pools and chains in units of their outputs: see exact_steps.h.
#include "train/libtorch/exact_steps.h"

#include <cmath>

#include "base/qmath.h"
#include "ir/canonical.h"
#include "ir/match.h"
#include "train/libtorch/exact_chains.h"
#include "train/libtorch/exact_layer.h"
#include "train/libtorch/fake_quant_step.h"
#include "train/libtorch/pixel_pass.h"

namespace qat::train {

namespace {

using ir::kNone;
using ir::NodeId;
using ir::Op;
using ir::ValueId;
using Run = std::function<at::Tensor(const Frame&)>;

class Maker {
 public:
  Maker(ExactPlan& plan, at::Device device)
      : plan_(plan),
        device_(device),
        graph_(plan.graph),
        uses_(graph_),
        units_(plan.units),
        layer_of_(graph_.values.size()) {
    units_.assign(graph_.values.size(), 1.0f);
  }

  void run() {
    const auto chains = find_chains(graph_, {});
    std::vector<const Chain*> ends(graph_.nodes.size(), nullptr);
    std::vector<bool> inside(graph_.nodes.size(), false);
    for (const Chain& chain : chains) {
      ends[static_cast<size_t>(chain.last)] = &chain;
      for (NodeId part : {chain.add, chain.act, chain.quant}) {
        if (part != kNone) inside[static_cast<size_t>(part)] = true;
      }
    }
    // A layer's sums go to the chain that reads them, when that is their only reader.
    for (const Chain& chain : chains) {
      merging_.insert({chain.input, &chain});
      if (chain.skip != kNone) merging_.insert({chain.skip, &chain});
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

  bool single_use(ValueId id) const {
    return uses_.consumers[static_cast<size_t>(id)].size() == 1 && !uses_.is_output[static_cast<size_t>(id)];
  }

  float& unit(ValueId id) { return units_[static_cast<size_t>(id)]; }

  bool equal_units(const ir::Node& node) {
    return std::all_of(node.inputs.begin(), node.inputs.end(),
                       [&](ValueId id) { return unit(id) == unit(node.inputs[0]); });
  }

  void add_node(const ir::Node& node) {
    if (node.op == Op::kFakeQuant) return add_fake_quant(node);
    if (node.op == Op::kConv || node.op == Op::kGemm) {
      if (auto layer = exact_layer(graph_, node, {.uses = uses_, .units = units_, .device = device_}))
        return add_layer(node, std::move(layer));
    }
    if (node.op == Op::kGlobalAvgPool) return add_pool(node);
    const Run op = make_op(graph_, node, &plan_.state);
    if (ir::moves_values(node.op) || (node.op == Op::kConcat && equal_units(node))) {
      unit(node.output) = unit(node.inputs[0]);
      return push(node, op, node.inputs);
    }
    push(node, decoding(node, op), node.inputs);
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

  // What chains do not know: weights, ranges per channel, zero points.
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
    for (NodeId id : uses_.consumers[static_cast<size_t>(weight_quantizer.output)]) {
      if (!is_exact_layer(graph_, uses_, graph_.nodes[static_cast<size_t>(id)])) return false;
    }
    return true;
  }

  void add_layer(const ir::Node& node, std::shared_ptr<const ExactLayer> layer) {
    const auto reader = merging_.find(node.output);
    if (reader != merging_.end() && single_use(node.output) && !claimed_.contains(reader->second)) {
      claimed_[reader->second] = node.output;
      layer_of_[static_cast<size_t>(node.output)] = layer;
      return push(
          node, [layer](const Frame& f) { return layer->sums(f); }, node.inputs);
    }
    const Factors factors = layer->factors(1.0f);
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

  // sum x * f32(unit / (s_y H W)); s_y: the scale of the quantizer behind it, past views, else 1.
  void add_pool(const ir::Node& node) {
    const ValueId x = node.inputs[0];
    float scale = 1.0f;
    ValueId at = node.output;
    while (single_use(at)) {
      const ir::Node& reader = graph_.nodes[static_cast<size_t>(uses_.consumers[static_cast<size_t>(at)][0])];
      if (is_plain_activation_quantizer(graph_, reader)) scale = quantizer_of(graph_, reader).scale();
      if (!ir::moves_values(reader.op) || reader.op == Op::kMaxPool) break;
      at = reader.output;
    }
    unit(node.output) = scale;
    const double factor = static_cast<double>(unit(x)) / static_cast<double>(scale);
    push(node,
         [x, factor](const Frame& f) {
           const at::Tensor& in = f[static_cast<size_t>(x)];
           const double count = static_cast<double>(in.size(2) * in.size(3));
           return at::mul(in.sum(at::IntArrayRef{2, 3}, true),
                          at::Scalar(static_cast<double>(static_cast<float>(factor / count))));
         },
         {x});
  }

  void add_chain(const Chain& chain) {
    const ir::Node& last = node_of(chain.last);
    const float s_y = chain.quant == kNone ? 1.0f : quantizer_of(graph_, node_of(chain.quant)).scale();
    ValueId x = chain.input, skip = chain.skip;
    if (layer_at(x) == nullptr && layer_at(skip) != nullptr) std::swap(x, skip);
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
    push(last, float_chain(chain, c, pass, adds_integers(c)), {x, skip});
  }

  // Engines add integers of one size only.
  bool adds_integers(const ChainOperands& c) const {
    return c.skip != kNone && integer_scale(graph_, uses_, c.x) && integer_scale(graph_, uses_, c.skip) &&
           graph_.value(c.x).dims == graph_.value(c.skip).dims;
  }

  const ir::Node& node_of(NodeId id) const { return graph_.nodes[static_cast<size_t>(id)]; }
  std::shared_ptr<const ExactLayer> layer_at(ValueId id) const {
    return id == kNone ? nullptr : layer_of_[static_cast<size_t>(id)];
  }

  ExactPlan& plan_;
  const at::Device device_;
  ir::Graph& graph_;
  const ir::Uses uses_;
  std::vector<float>& units_;
  std::vector<std::shared_ptr<const ExactLayer>> layer_of_;  // by value: sums that a chain takes over
  std::multimap<ValueId, const Chain*> merging_;
  std::map<const Chain*, ValueId> claimed_;
  std::map<ValueId, size_t> last_reader_;
};

}  // namespace

std::unique_ptr<ExactPlan> make_exact_plan(const ir::Graph& graph, at::Device device) {
  auto plan = std::make_unique<ExactPlan>();
  plan->graph = ir::clone(graph);
  ir::make_canonical(plan->graph);  // each value is then rounded where an engine rounds it
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
