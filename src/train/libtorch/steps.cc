// Chains first, everything else node by node: see steps.h.
#include "train/libtorch/steps.h"

#include <unordered_map>

#include "train/libtorch/fake_quant_step.h"

namespace qat::train {

namespace {

using ir::Op;

class Maker {
 public:
  Maker(ir::Graph& graph, const StepOptions& options) : graph_(graph), options_(options) {}

  std::vector<Step> run() {
    // A learned range has a gradient of its own: its quantizer is a step by itself, not the end of a chain.
    const bool chain_quant = options_.quantize && options_.ranges != RangeMode::kLearned && !options_.observe;
    const auto chains = find_chains(graph_, {.fuse = options_.fuse, .quantize = chain_quant});
    std::vector<const Chain*> ends(graph_.nodes.size(), nullptr);
    std::vector<bool> inside(graph_.nodes.size(), false);
    for (const Chain& chain : chains) {
      ends[static_cast<size_t>(chain.last)] = &chain;
      for (ir::NodeId part : {chain.norm, chain.add, chain.act, chain.quant}) {
        if (part != ir::kNone) inside[static_cast<size_t>(part)] = true;
      }
    }
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      const ir::Node& node = graph_.nodes[i];
      if (ends[i] != nullptr) {
        push(node, chain_step(*ends[i]));
      } else if (!inside[i]) {
        push(node, node.op == Op::kFakeQuant ? fake_quant_step(static_cast<ir::NodeId>(i))
                                             : make_op(graph_, node, options_.state));
        reads(node.inputs);
      }
    }
    free_early();
    return std::move(steps_);
  }

 private:
  using Run = std::function<at::Tensor(const Frame&)>;

  void push(const ir::Node& node, Run run) {
    steps_.push_back({.name = node.name, .output = node.output, .run = std::move(run), .last_used = {}});
    read_by_.emplace_back(std::move(pending_reads_));
    pending_reads_.clear();
  }
  void reads(const std::vector<ir::ValueId>& ids) {
    read_by_.back().insert(read_by_.back().end(), ids.begin(), ids.end());
  }

  Run chain_step(const Chain& chain) {
    NormActStep step{.clip_lo = chain.clip_lo, .clip_hi = chain.clip_hi};
    step.state = options_.state;
    ir::ValueId gamma = ir::kNone, beta = ir::kNone;
    if (chain.norm != ir::kNone) {
      const ir::Node& norm = graph_.nodes[static_cast<size_t>(chain.norm)];
      const auto& attrs = norm.as<ir::BatchNormAttrs>();
      gamma = norm.inputs[1], beta = norm.inputs[2];
      step.norm = NormPart{.name = norm.name,
                           .eps = attrs.eps,
                           .momentum = attrs.momentum,
                           .running_mean = graph_.value(norm.inputs[3]).data.data<float>().data(),
                           .running_var = graph_.value(norm.inputs[4]).data.data<float>().data()};
    }
    if (chain.quant != ir::kNone) {
      step.quant = quantizer_of(graph_, graph_.nodes[static_cast<size_t>(chain.quant)]);
      step.moving = options_.ranges == RangeMode::kMoving;
    }
    pending_reads_ = {chain.input, chain.skip};
    // Shared, because std::function copies and the backward pass points at it.
    auto shared = std::make_shared<const NormActStep>(std::move(step));
    return [shared, chain, gamma, beta](const Frame& f) {
      const auto slot = [&](ir::ValueId id) { return id == ir::kNone ? at::Tensor() : f[static_cast<size_t>(id)]; };
      at::Tensor x = slot(chain.input), skip = slot(chain.skip);
      if (skip.defined() && skip.sizes() != x.sizes()) {
        const auto wide = at::infer_size(x.sizes(), skip.sizes());
        if (gamma != ir::kNone && x.sizes() != at::IntArrayRef(wide)) {
          fail(Code::kBadFile, "[Add ", shared->norm->name, "] a normalized operand cannot be broadcast");
        }
        x = x.expand(wide), skip = skip.expand(wide);
      }
      return shared->run(x, slot(gamma), slot(beta), skip);
    };
  }

  Run fake_quant_step(ir::NodeId id) {
    const ir::Node& node = graph_.nodes[static_cast<size_t>(id)];
    const ir::ValueId x = node.inputs[0], range = node.inputs[1];
    const bool weight = graph_.has_data(x);
    if (!options_.quantize) {
      if (weight || !options_.observe) return [x](const Frame& f) { return f[static_cast<size_t>(x)]; };
      return [x, id, observe = options_.observe](const Frame& f) {
        observe(id, f[static_cast<size_t>(x)]);
        return f[static_cast<size_t>(x)];
      };
    }
    FakeQuantStep step{.quant = quantizer_of(graph_, node)};
    step.per_sample = !weight;
    step.learned =
        weight ? options_.weight_ranges == WeightRangeMode::kLearned : options_.ranges == RangeMode::kLearned;
    step.follow = weight && options_.weight_ranges == WeightRangeMode::kStep;
    if (node.inputs.size() > 2 && node.inputs[2] != ir::kNone) {
      const auto zero = graph_.value(node.inputs[2]).data.data<float>();
      step.zero_point.assign(zero.begin(), zero.end());
    }
    auto shared = std::make_shared<const FakeQuantStep>(std::move(step));
    return [shared, x, range](const Frame& f) {
      return shared->run(f[static_cast<size_t>(x)], f[static_cast<size_t>(range)]);
    };
  }

  // Activations are released after the last step that reads them; outputs of the graph stay.
  void free_early() {
    std::unordered_map<ir::ValueId, size_t> last;
    for (size_t i = 0; i < steps_.size(); ++i) {
      for (ir::ValueId id : read_by_[i]) {
        if (id != ir::kNone && !graph_.has_data(id)) last[id] = i;
      }
    }
    for (ir::ValueId id : graph_.outputs) last.erase(id);
    for (const auto& [id, step] : last) steps_[step].last_used.push_back(id);
  }

  ir::Graph& graph_;
  const StepOptions& options_;
  std::vector<Step> steps_;
  std::vector<std::vector<ir::ValueId>> read_by_;
  std::vector<ir::ValueId> pending_reads_;
};

}  // namespace

std::vector<Step> make_steps(ir::Graph& graph, const StepOptions& options) { return Maker(graph, options).run(); }

}  // namespace qat::train
