// One walk over the nodes in their order: see builder.h.
#include "train/cuda/program/builder.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"
#include "train/cuda/program/autograd_step.h"
#include "train/cuda/program/chain_step.h"
#include "train/cuda/program/layer_steps.h"

namespace qat::train::cuda {

using ir::kNone;
using ir::NodeId;
using ir::Op;
using ir::ValueId;

void ProgramBuilder::build() {
  first_step_.assign(graph_.values.size(), SIZE_MAX);
  if (p_.options_.module.ranges == RangeMode::kMoving) plan_ranges();
  mark_wanted();
  add_steps();
  release_early();
  p_.weights_ = std::make_unique<Weights>(graph_, p_.leaves_, read_, p_.options_.module.weight_ranges, p_.target_);
  if (p_.options_.exchange != nullptr) plan_buckets();
  p_.range_place_ = static_cast<int32_t>(p_.places_.size());
  for (const auto& moving : p_.moving_) {
    p_.places_.push_back(cat("[", graph_.value(moving.range).name, "] a statistic or range"));
  }
  p_.loss_place_ = static_cast<int32_t>(p_.places_.size());
  p_.places_.push_back("[loss] the loss");
  p_.gradient_place_ = static_cast<int32_t>(p_.places_.size());
  for (const std::string& name : p_.updates_.parameters()) p_.places_.push_back(cat("[", name, "] its gradient"));
}

// One peak a range: tensors that share a range move it together.
void ProgramBuilder::plan_ranges() {
  std::vector<float*> pointers;
  std::vector<float> units;
  for (const ir::Node& node : graph_.nodes) {
    if (!is_plain_activation_quantizer(graph_, node)) continue;
    const ValueId range = node.inputs[1];
    const auto same = [&](const auto& moving) { return moving.range == range; };
    if (std::any_of(p_.moving_.begin(), p_.moving_.end(), same)) continue;
    const bool amax = node.as<ir::FakeQuantAttrs>().range == ir::RangeKind::kAmax;
    p_.moving_.push_back({.range = range, .unit = amax ? 127.0f : 1.0f});
    pointers.push_back(p_.leaves_.value(range));
    units.push_back(p_.moving_.back().unit);
  }
  p_.range_pointers_ = to_device(pointers, p_.target_.device);
  p_.range_units_ = to_device(units, p_.target_.device);
  p_.peaks_ = at::zeros({static_cast<int64_t>(pointers.size())}, p_.target_.f32());
}

void ProgramBuilder::mark_wanted() {
  wanted_.assign(graph_.values.size(), false);
  for (const Leaves::Leaf& leaf : p_.leaves_.all()) wanted_[static_cast<size_t>(leaf.id)] = leaf.trained;
  for (const ir::Node& node : graph_.nodes) {
    const auto wants = [&](ValueId id) { return id != kNone && wanted_[static_cast<size_t>(id)]; };
    wanted_[static_cast<size_t>(node.output)] = std::any_of(node.inputs.begin(), node.inputs.end(), wants);
  }
}

void ProgramBuilder::add_steps() {
  const std::vector<Chain> chains = find_chains(graph_, {});
  std::vector<const Chain*> ends(graph_.nodes.size(), nullptr);
  std::vector<bool> inside(graph_.nodes.size(), false);
  for (const Chain& chain : chains) {
    ends[static_cast<size_t>(chain.last)] = &chain;
    for (NodeId part : {chain.norm, chain.add, chain.act, chain.quant}) {
      if (part != kNone) inside[static_cast<size_t>(part)] = true;
    }
  }
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    if (ends[i] != nullptr) {
      add_chain(*ends[i]);
    } else if (!inside[i]) {
      add_node(graph_.nodes[i]);
    }
  }
}

void ProgramBuilder::add_node(const ir::Node& node) {
  if (node.op == Op::kFakeQuant) {
    if (graph_.has_data(node.inputs[0])) return;  // of a weight: Weights
    fail(Code::kBadFile, "[FakeQuant ", node.name,
         "] an activation's quantizer per channel or with a zero point can be evaluated, not trained");
  }
  std::unique_ptr<Step> step = make_layer_step(node, wanted_);
  if (step == nullptr) step = make_autograd_step(graph_, node, wanted_, &p_.state_);
  push(std::move(step), node.inputs);
}

ChainQuant ProgramBuilder::chain_quant(const ir::Node& fake_quant) {
  const auto& attrs = fake_quant.as<ir::FakeQuantAttrs>();
  const ValueId range = fake_quant.inputs[1];
  ChainQuant quant{.range = {.value = p_.leaves_.value(range),
                             .unit = attrs.range == ir::RangeKind::kAmax ? 127.0f : 1.0f,
                             .lo = attrs.lo,
                             .hi = attrs.hi}};
  for (size_t i = 0; i < p_.moving_.size(); ++i) {
    if (p_.moving_[i].range == range) quant.peak = p_.peaks_.data_ptr<float>() + i;
  }
  if (p_.options_.module.ranges == RangeMode::kLearned) quant.range_gradient = p_.leaves_.gradient(range);
  for (NodeId reader : uses_.consumers[static_cast<size_t>(fake_quant.output)]) {
    const ir::Node& node = graph_.nodes[static_cast<size_t>(reader)];
    quant.integers = quant.integers || (node.op == Op::kConv && wanted_[static_cast<size_t>(node.inputs[1])]);
  }
  return quant;
}

void ProgramBuilder::add_chain(const Chain& chain) {
  ChainParts parts{.chain = chain, .norm = {}, .quant = {}};
  if (chain.norm != kNone) {
    const ir::Node& norm = graph_.nodes[static_cast<size_t>(chain.norm)];
    const auto& attrs = norm.as<ir::BatchNormAttrs>();
    parts.norm = ChainNorm{.gamma = norm.inputs[1],
                           .beta = norm.inputs[2],
                           .running_mean = norm.inputs[3],
                           .running_var = norm.inputs[4],
                           .eps = attrs.eps,
                           .momentum = attrs.momentum,
                           .place = static_cast<int32_t>(p_.places_.size())};
    p_.places_.push_back(cat("[", norm.name, "] a statistic or range"));
    note_step(norm.inputs[1]), note_step(norm.inputs[2]);
  }
  if (chain.quant != kNone) note_step(graph_.nodes[static_cast<size_t>(chain.quant)].inputs[1]);
  if (chain.quant != kNone) parts.quant = chain_quant(graph_.nodes[static_cast<size_t>(chain.quant)]);
  parts.in_place = quantizes_batch_alone(chain) && parts.quant->range_gradient == nullptr;
  if (parts.in_place) parts.quant->integers = false;  // the batch stays anyway
  push(make_chain_step(parts, p_.leaves_, wanted_), {chain.input, chain.skip});
}

// A quantizer and nothing else, of the graph's input, which nobody else reads.
bool ProgramBuilder::quantizes_batch_alone(const Chain& chain) const {
  const ValueId input = graph_.inputs[0];
  return chain.quant == chain.last && chain.norm == kNone && chain.add == kNone && chain.act == kNone &&
         chain.input == input && uses_.consumers[static_cast<size_t>(input)].size() == 1;
}

void ProgramBuilder::push(std::unique_ptr<Step> step, const std::vector<ValueId>& reads) {
  reads_.emplace_back();
  for (ValueId id : reads) {
    if (id == kNone) continue;
    note_step(id);
    const bool weight = graph_.has_data(id) || is_weight_quantizer_output(id);
    if (!weight) {
      reads_.back().push_back(id);
    } else if (std::find(read_.begin(), read_.end(), id) == read_.end()) {
      read_.push_back(id);
    }
  }
  p_.steps_.push_back(std::move(step));
}

// Of the step that is pushed next, or now.
void ProgramBuilder::note_step(ValueId id) {
  size_t& first = first_step_[static_cast<size_t>(id)];
  first = std::min(first, p_.steps_.size());
}

void ProgramBuilder::plan_buckets() {
  const Weights& weights = *p_.weights_;
  std::vector<size_t> copy_steps, leaf_steps;
  for (ValueId id : weights.values()) {
    const size_t step = first_step_[static_cast<size_t>(id)];
    for (ValueId leaf : weights.leaves_of(copy_steps.size())) {
      size_t& first = first_step_[static_cast<size_t>(leaf)];
      first = std::min(first, step);
    }
    copy_steps.push_back(step);
  }
  for (const Leaves::Leaf& leaf : p_.leaves_.all()) leaf_steps.push_back(first_step_[static_cast<size_t>(leaf.id)]);
  p_.buckets_ = make_buckets(p_.leaves_, leaf_steps, copy_steps);
}

bool ProgramBuilder::is_weight_quantizer_output(ValueId id) const {
  const NodeId producer = uses_.producer[static_cast<size_t>(id)];
  if (producer == kNone) return false;
  const ir::Node& node = graph_.nodes[static_cast<size_t>(producer)];
  return node.op == Op::kFakeQuant && graph_.has_data(node.inputs[0]);
}

void ProgramBuilder::release_early() {
  std::unordered_map<ValueId, size_t> last;
  for (size_t i = 0; i < reads_.size(); ++i) {
    for (ValueId id : reads_[i]) last[id] = i;
  }
  for (ValueId id : graph_.outputs) last.erase(id);
  for (const auto& [id, step] : last) p_.steps_[step]->last_read.push_back(id);
}

}  // namespace qat::train::cuda
