// Additions move into the step of a layer: see join_adds.h.
#include "engine/compile/join_adds.h"

#include <algorithm>

#include "base/qmath.h"

namespace qat::engine {

namespace {

class Joiner {
 public:
  explicit Joiner(Draft& draft)
      : draft_(draft), producer_(draft.plan.tensors.size(), -1), readers_(producer_.size(), 0) {
    for (size_t i = 0; i < draft.plan.steps.size(); ++i) {
      const Step& s = draft.plan.steps[i];
      for (const int32_t id : s.inputs)
        if (id >= 0) ++readers_[static_cast<size_t>(id)];
      if (s.output >= 0) producer_[static_cast<size_t>(s.output)] = static_cast<int>(i);
    }
  }

  // The steps that joined others and are gone.
  std::vector<bool> join() {
    std::vector<bool> gone(draft_.plan.steps.size(), false);
    for (size_t i = 0; i < gone.size(); ++i) {
      Step& add = draft_.plan.steps[i];
      if (add.op != StepOp::kAdd) continue;
      const int first = layer_behind(add.inputs[0]), second = layer_behind(add.inputs[1]);
      if (first < 0 && second < 0) continue;
      const bool takes_first = first > second;
      const auto layer = static_cast<size_t>(std::max(first, second));
      add = joined(draft_.plan.steps[layer], add, takes_first);
      draft_.weights[i] = draft_.weights[layer];
      gone[layer] = true;
    }
    return gone;
  }

 private:
  const PlanTensor& tensor(int32_t id) const { return draft_.plan.tensors[static_cast<size_t>(id)]; }

  // The step that made the tensor, where it may take the addition; else -1.
  int layer_behind(int32_t id) const {
    const int made = producer_[static_cast<size_t>(id)];
    if (made < 0 || readers_[static_cast<size_t>(id)] != 1 || tensor(id).storage != Storage::kU8) return -1;
    const Step& s = draft_.plan.steps[static_cast<size_t>(made)];
    const bool layer = s.op == StepOp::kConv || s.op == StepOp::kGemm;
    const bool curve = s.attrs.activation != Activation::kNone && s.attrs.activation != Activation::kClip;
    return layer && s.inputs.size() == 1 && !curve ? made : -1;
  }

  Step joined(const Step& layer, const Step& add, bool takes_first) const {
    const PlanTensor& middle = tensor(layer.output);
    Step s = layer;
    s.fused = layer.fused + " + " + add.fused;
    s.inputs.push_back(add.inputs[takes_first ? 1 : 0]);
    s.output = add.output;
    s.attrs.activation = add.attrs.activation, s.attrs.p0 = add.attrs.p0, s.attrs.p1 = add.attrs.p1;
    s.attrs.skip_scale = add.attrs.scales[takes_first ? 1 : 0];
    s.attrs.middle = takes_first ? Middle::kFirst : Middle::kSecond;
    s.attrs.middle_scale = add.attrs.scales[takes_first ? 0 : 1];
    int32_t low = middle.lo - middle.zero, high = middle.hi - middle.zero;
    if (layer.attrs.activation == Activation::kClip) {  // rounding is monotone: the clip moves into the bounds
      const int32_t top = round_clamp(layer.attrs.p1, low, high);
      low = std::min(round_clamp(layer.attrs.p0, low, high), top);
      high = top;
    }
    s.attrs.middle_lo = low, s.attrs.middle_hi = high;
    return s;
  }

  Draft& draft_;
  std::vector<int> producer_;
  std::vector<int> readers_;
};

// Drops tensors that no step reads or writes any more.
void drop_tensors(Plan& plan) {
  std::vector<int32_t> moved(plan.tensors.size(), -1);
  for (const Step& s : plan.steps) {
    for (const int32_t id : s.inputs)
      if (id >= 0) moved[static_cast<size_t>(id)] = 0;
    if (s.output >= 0) moved[static_cast<size_t>(s.output)] = 0;
  }
  std::vector<PlanTensor> kept;
  for (size_t i = 0; i < moved.size(); ++i) {
    if (moved[i] < 0) continue;
    moved[i] = static_cast<int32_t>(kept.size());
    kept.push_back(std::move(plan.tensors[i]));
  }
  plan.tensors = std::move(kept);
  for (Step& s : plan.steps) {
    for (int32_t& id : s.inputs)
      if (id >= 0) id = moved[static_cast<size_t>(id)];
    if (s.output >= 0) s.output = moved[static_cast<size_t>(s.output)];
  }
}

}  // namespace

void join_adds(Draft& draft) {
  const std::vector<bool> gone = Joiner(draft).join();
  std::vector<Step> steps;
  std::vector<Tensor> weights;
  for (size_t i = 0; i < gone.size(); ++i) {
    if (gone[i]) continue;
    steps.push_back(std::move(draft.plan.steps[i]));
    weights.push_back(std::move(draft.weights[i]));
  }
  draft.plan.steps = std::move(steps);
  draft.weights = std::move(weights);
  drop_tensors(draft.plan);
}

}  // namespace qat::engine
