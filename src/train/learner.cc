// Check, then update: see learner.h.
#include "train/learner.h"

#include <array>
#include <cmath>

#include "base/hash.h"
#include "base/text.h"
#include "train/distributed/agree.h"

namespace qat::train {

ModuleOptions module_options(const config::Options& options, Group* group) {
  return {.ranges = parse_range_mode(options.train.ranges),
          .weight_ranges = parse_weight_range_mode(options.train.weight_ranges),
          .range_momentum = static_cast<float>(options.train.range_momentum),
          .threads = static_cast<int>(options.train.threads),
          .mean = options.data.mean,
          .std = options.data.std,
          .group = group,
          .sync_bn = options.train.sync_bn,
          .device = options.device};
}

uint64_t dropout_seed(uint64_t seed, int64_t step, const Group* group) {
  const uint64_t key[] = {seed, static_cast<uint64_t>(step),
                          group == nullptr ? 0 : static_cast<uint64_t>(group->rank())};
  return hash64(key, key[2] == 0 ? 2 * sizeof *key : sizeof key);
}

Learner::Learner(ir::Graph graph, const config::Options& options, Group* group)
    : options_(options.train),
      group_(group),
      module_(std::move(graph), module_options(options, group)),
      optimizer_(options.train),
      average_(module_.graph(), options.train.ema) {
  if (DevicePlugin* plugin = device_plugin(options.device))
    device_ = plugin->steps(module_, options, average_.values(), group);
}

std::vector<StepOutcome> Learner::step(const data::Batch& batch, const StepSettings& settings) {
  if (device_ == nullptr) return {step_on_host(batch, settings)};
  if (!loaded_) device_->load(graph(), optimizer_.state(), average_.values());
  loaded_ = true;
  return device_->step(batch, settings);
}

std::vector<StepOutcome> Learner::synchronize() {
  if (!loaded_) return {};
  const std::vector<StepOutcome> outcomes = device_->finish();
  OptimizerState optimizer = optimizer_.state();
  Averages average = average_.values();
  device_->store(module_.graph(), optimizer, average);
  optimizer_.restore(std::move(optimizer), module_.parameters());
  average_.restore(std::move(average));
  module_.weights_changed();
  return outcomes;
}

StepOutcome Learner::step_on_host(const data::Batch& batch, const StepSettings& settings) {
  QAT_ASSERT(!batch.rest.crop && !batch.rest.flip);
  const StepResult result = module_.train_step({.images = batch.images,
                                                .labels = batch.labels,
                                                .all_images = settings.all_images,
                                                .label_smoothing = static_cast<float>(options_.label_smoothing),
                                                .freeze_bn = settings.freeze_bn,
                                                .dropout_seed = dropout_seed(options_.seed, settings.step, group_)});
  const auto parameters = module_.parameters();
  std::array<double, 2> sums{result.loss, static_cast<double>(result.correct)};
  if (group_ != nullptr) group_->sum(std::span<double>(sums));
  StepOutcome outcome{.step = settings.step,
                      .images = settings.all_images > 0 ? settings.all_images : batch.size(),
                      .loss = sums[0],
                      .correct = static_cast<int64_t>(sums[1]),
                      .not_finite = first_text(group_, first_not_finite(result, parameters))};
  if (!outcome.not_finite.empty()) return outcome;
  optimizer_.step(parameters, settings.lr);
  average_.update(settings.step);
  return outcome;
}

std::string Learner::first_not_finite(const StepResult& result, const std::vector<ParamView>& parameters) const {
  if (const std::string& layer = module_.not_finite(); !layer.empty()) {
    return cat("[", layer, "] a statistic or range");
  }
  if (!std::isfinite(result.loss)) return "[loss] the loss";
  const std::string gradient = Optimizer::not_finite(parameters);
  return gradient.empty() ? "" : cat("[", gradient, "] its gradient");
}

uint64_t Learner::hash() {
  uint64_t sum = 0;
  const auto add = [&](const void* data, size_t bytes) {
    const uint64_t pair[] = {sum, hash64(data, bytes)};
    sum = hash64(pair, sizeof pair);
  };
  for (const ir::Value& value : module_.graph().values) {
    if (value.role != ir::Role::kActivation) add(value.data.raw(), value.data.bytes());
  }
  for (const auto* vectors : {&optimizer_.state().first, &optimizer_.state().second, &average_.values()}) {
    for (const auto& [name, values] : *vectors) add(values.data(), values.size() * sizeof(float));
  }
  return sum;
}

void Learner::save(TrainingState& state) const {
  state.optimizer = optimizer_.state();
  state.average = average_.values();
}

void Learner::restore(TrainingState& state) {
  optimizer_.restore(std::move(state.optimizer), module_.parameters());
  average_.restore(std::move(state.average));
}

}  // namespace qat::train
