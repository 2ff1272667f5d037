// The order of a training step: see program.h.
#include "train/cuda/program/program.h"

#include "base/error.h"
#include "train/cuda/program/builder.h"

namespace qat::train::cuda {

namespace {

LeafOptions leaf_options(const config::TrainOptions& train, const std::vector<std::string>& averaged) {
  const bool adamw = train.optimizer == "adamw";
  return {.first = adamw || train.momentum > 0, .second = adamw, .average = !averaged.empty()};
}

}  // namespace

Program::Program(ir::Graph& graph, const std::vector<ParamView>& trained, const std::vector<std::string>& averaged,
                 const ProgramOptions& options, const Target& target)
    : graph_(graph),
      options_(options),
      target_(target),
      leaves_(graph, trained, leaf_options(options.train, averaged), target.device),
      updates_(leaves_, options.train, averaged, target),
      tape_(graph.values.size()) {
  state_.training = true;
  ProgramBuilder(*this).build();
}

void Program::run(const ProgramBatch& batch) {
  const at::NoGradGuard no_gradients;
  int32_t* status = &batch.outputs->status;
  const Pass pass{
      .target = target_, .tape = tape_, .workspace = workspace_, .status = status, .bn_frozen = batch.bn_frozen};
  const auto mark = [&](const char* kind, const char* direction) {
    if (batch.timeline != nullptr) batch.timeline->mark(kind, direction);
  };
  mark("start", "");
  weights_->quantize(target_, tape_);
  mark("weights", "forward");
  tape_.value(graph_.inputs[0]) = batch.input;
  for (const auto& step : steps_) {
    step->forward(pass);
    for (ir::ValueId id : step->last_read) tape_.release(id);
    mark(step->kind(), "forward");
  }
  logits_ = tape_.value(graph_.outputs[0]).contiguous();
  const Pixels px(logits_);
  at::Tensor gradient = at::empty_like(logits_);
  target_.kernels.cross_entropy({.rows = px.rows,
                                 .classes = px.channels,
                                 .type = target_.type,
                                 .logits = logits_.const_data_ptr(),
                                 .labels = batch.labels.const_data_ptr<int64_t>(),
                                 .smoothing = static_cast<float>(options_.train.label_smoothing),
                                 .gradient = gradient.mutable_data_ptr(),
                                 .loss = &batch.outputs->loss,
                                 .correct = &batch.outputs->correct,
                                 .status = {.word = status, .place = loss_place_},
                                 .workspace = pass.workspace_for(px)},
                                target_.stream);
  tape_.add_gradient(graph_.outputs[0], std::move(gradient));
  mark("loss", "");
  for (size_t i = steps_.size(); i-- > 0;) {
    steps_[i]->backward(pass);
    mark(steps_[i]->kind(), "backward");
  }
  if (!moving_.empty()) move_ranges(status);  // the backward pass still used them as they were
  weights_->gradients(target_, tape_, batch.captured_table);
  mark("weights", "backward");
  updates_.run(target_, batch.scalars, {.word = status, .place = gradient_place_});
  mark("optimizer", "");
}

void Program::move_ranges(int32_t* status) {
  target_.kernels.move_ranges({.count = static_cast<int64_t>(moving_.size()),
                               .ranges = table_of<float*>(range_pointers_),
                               .units = table_of<float>(range_units_),
                               .peaks = peaks_.mutable_data_ptr<float>(),
                               .momentum = options_.module.range_momentum,
                               .status = {.word = status, .place = range_place_}},
                              target_.stream);
}

std::string Program::place(int32_t word) const {
  const auto place = static_cast<size_t>(place_of(word));
  QAT_ASSERT(place < places_.size());
  return places_[place];
}

}  // namespace qat::train::cuda
