// A frame of one node's inputs: see autograd_step.h.
#include "train/cuda/program/autograd_step.h"

#include <algorithm>
#include <utility>

namespace qat::train::cuda {

namespace {

class AutogradStep final : public Step {
 public:
  AutogradStep(const ir::Graph& graph, const ir::Node& node, const Wanted& wanted, const RunState* state)
      : node_(node), values_(graph.values.size()), run_(make_op(graph, node, state)) {
    for (ir::ValueId id : node.inputs) {
      const bool seen = std::find(wanted_.begin(), wanted_.end(), id) != wanted_.end();
      if (id != ir::kNone && !seen && wanted[static_cast<size_t>(id)]) wanted_.push_back(id);
    }
  }

  void forward(const Pass& pass) override {
    Frame frame(values_);
    inputs_.clear();
    for (ir::ValueId id : node_.inputs) {
      if (id != ir::kNone) frame[static_cast<size_t>(id)] = pass.tape.value(id).detach();
    }
    for (ir::ValueId id : wanted_) inputs_.push_back(frame[static_cast<size_t>(id)].requires_grad_(true));
    const at::AutoGradMode gradients(!wanted_.empty());
    output_ = run_(frame);
    pass.tape.value(node_.output) = output_.detach();
  }

  void backward(const Pass& pass) override {
    const at::Tensor output = std::exchange(output_, at::Tensor());
    const std::vector<at::Tensor> inputs = std::exchange(inputs_, {});
    const at::Tensor g = pass.tape.take_gradient(node_.output);
    if (!g.defined() || inputs.empty()) return;
    const auto gradients = torch::autograd::grad({output}, inputs, {g}, std::nullopt, false, true);
    for (size_t i = 0; i < inputs.size(); ++i) pass.tape.add_gradient(wanted_[i], gradients[i]);
  }

  const char* kind() const override { return "other operators"; }

 private:
  const ir::Node node_;
  const size_t values_;
  const std::function<at::Tensor(const Frame&)> run_;
  std::vector<ir::ValueId> wanted_;
  std::vector<at::Tensor> inputs_;
  at::Tensor output_;
};

}  // namespace

std::unique_ptr<Step> make_autograd_step(const ir::Graph& graph, const ir::Node& node, const Wanted& wanted,
                                         const RunState* state) {
  return std::make_unique<AutogradStep>(graph, node, wanted, state);
}

}  // namespace qat::train::cuda
