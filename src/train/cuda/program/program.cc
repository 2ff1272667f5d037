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

void mark(const ProgramBatch& batch, const char* kind, const char* direction) {
  if (batch.timeline != nullptr) batch.timeline->mark(kind, direction);
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
  Exchange* const exchange = options_.exchange;
  const Pass pass{.target = target_,
                  .tape = tape_,
                  .workspace = workspace_,
                  .status = status,
                  .bn_frozen = batch.bn_frozen,
                  .sync_bn = options_.module.sync_bn ? exchange : nullptr,
                  .images = batch.input.size(0),
                  .all_images = batch.all_images};
  mark(batch, "start", "");
  weights_->quantize(target_, tape_);
  mark(batch, "weights", "forward");
  tape_.value(graph_.inputs[0]) = batch.input;
  for (const auto& step : steps_) {
    step->forward(pass);
    for (ir::ValueId id : step->last_read) tape_.release(id);
    mark(batch, step->kind(), "forward");
  }
  loss(batch, pass);
  if (exchange != nullptr) exchange_results(batch);
  mark(batch, "loss", "");
  backward(batch, pass);
  if (exchange != nullptr) exchange_rest(batch);
  move_ranges(status);  // the backward pass still used them as they were
  updates_.run(target_, batch.scalars, {.word = status, .place = gradient_place_});
  mark(batch, "optimizer", "");
}

void Program::loss(const ProgramBatch& batch, const Pass& pass) {
  logits_ = tape_.value(graph_.outputs[0]).contiguous();
  const Pixels px(logits_);
  at::Tensor gradient = at::empty_like(logits_);
  target_.kernels.cross_entropy({.rows = px.rows,
                                 .classes = px.channels,
                                 .type = target_.type,
                                 .logits = logits_.const_data_ptr(),
                                 .labels = batch.labels.const_data_ptr<int64_t>(),
                                 .smoothing = static_cast<float>(options_.train.label_smoothing),
                                 .all_rows = batch.all_images,
                                 .gradient = gradient.mutable_data_ptr(),
                                 .loss = &batch.outputs->loss,
                                 .correct = &batch.outputs->correct,
                                 .status = {.word = pass.status, .place = loss_place_},
                                 .workspace = pass.workspace_for(px)},
                                target_.stream);
  tape_.add_gradient(graph_.outputs[0], std::move(gradient));
}

// Gradients are sent as soon as they are complete, and travel while the rest is computed.
void Program::backward(const ProgramBatch& batch, const Pass& pass) {
  auto bucket = buckets_.begin();
  for (size_t i = steps_.size(); i-- > 0;) {
    steps_[i]->backward(pass);
    mark(batch, steps_[i]->kind(), "backward");
    for (; bucket != buckets_.end() && bucket->step >= i; ++bucket) {
      weights_->gradients(target_, tape_, {bucket->first_copy, bucket->end_copy}, batch.captured_table);
      options_.exchange->sum(leaves_.gradients(bucket->offset, bucket->size));
      mark(batch, "weights", "backward");
    }
  }
  if (options_.exchange == nullptr) weights_->gradients(target_, tape_, weights_->all(), batch.captured_table);
  mark(batch, "weights", "backward");
}

// What the forward pass has: nothing that follows reads it before exchange_rest.
void Program::exchange_results(const ProgramBatch& batch) {
  const auto view = [&](void* data, at::ScalarType type) {
    return at::from_blob(data, {1}, at::TensorOptions().device(target_.device).dtype(type));
  };
  Exchange& exchange = *options_.exchange;
  exchange.sum(view(&batch.outputs->loss, at::kDouble));
  exchange.sum(view(&batch.outputs->correct, at::kLong));
  if (!moving_.empty()) exchange.largest(peaks_);
  if (averages_statistics(batch)) exchange.sum(leaves_.statistics());
}

// Of ranks that have statistics of their own: the running ones are their mean, the same everywhere.
bool Program::averages_statistics(const ProgramBatch& batch) const {
  return !options_.module.sync_bn && !batch.bn_frozen && leaves_.statistics().numel() > 0;
}

// Afterwards all ranks have the same gradients, ranges, statistics and status.
void Program::exchange_rest(const ProgramBatch& batch) {
  const auto options = at::TensorOptions().device(target_.device).dtype(at::kInt);
  options_.exchange->largest(at::from_blob(&batch.outputs->status, {1}, options));
  options_.exchange->finish();
  if (averages_statistics(batch)) {
    at::Tensor statistics = leaves_.statistics();
    statistics.mul_(at::Scalar(1.0 / options_.exchange->ranks()));
  }
  mark(batch, "exchange", "");
}

void Program::move_ranges(int32_t* status) {
  if (moving_.empty()) return;
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
