// One class holds a run; its members are the state that a checkpoint keeps: see trainer.h.
#include "train/trainer.h"

#include <chrono>
#include <cmath>
#include <optional>

#include "base/file.h"
#include "base/hash.h"
#include "quant/placement.h"
#include "train/evaluate.h"
#include "train/messages.h"
#include "train/schedule.h"
#include "train/start.h"
#include "train/training_state.h"
#include "train/weight_average.h"

namespace qat::train {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// What decides the sequence of steps: changed, a resumed run would be another run.
std::map<std::string, std::string> fixed_options(const config::Options& o, bool quantized) {
  return {{"TRAIN.SEED", cat(o.train.seed)},
          {"TRAIN.BATCH", cat(o.train.batch)},
          {"TRAIN.OPTIMIZER", o.train.optimizer},
          {"TRAIN.EPOCHS", cat(o.train.epochs)},
          {"TRAIN.EMA", cat(o.train.ema)},
          {"TRAIN.LR", cat(o.train.lr)},
          {"TRAIN.FINAL_LR", cat(o.train.final_lr)},
          {"TRAIN.SCHEDULE", o.train.schedule},
          {"TRAIN.STEPS", join(o.train.steps, ",")},
          {"TRAIN.GAMMA", cat(o.train.gamma)},
          {"TRAIN.WARMUP", cat(o.train.warmup)},
          {"TRAIN.MOMENTUM", cat(o.train.momentum)},
          {"TRAIN.NESTEROV", cat(o.train.nesterov)},
          {"TRAIN.WEIGHT_DECAY", cat(o.train.weight_decay)},
          {"TRAIN.DECAY_NORM_BIAS", cat(o.train.decay_norm_bias)},
          {"TRAIN.LABEL_SMOOTHING", cat(o.train.label_smoothing)},
          {"TRAIN.FREEZE_BN", cat(o.train.freeze_bn)},
          {"TRAIN.RANGES", o.train.ranges},
          {"TRAIN.WEIGHT_RANGES", o.train.weight_ranges},
          {"TRAIN.RANGE_MOMENTUM", cat(o.train.range_momentum)},
          {"DATA.VALIDATION", cat(o.data.validation)},
          {"DATA.LIMIT", cat(o.data.limit)},
          {"DATA.SIZE", cat(o.data.size)},
          {"DATA.RESIZE", cat(o.data.resize)},
          {"DATA.AUGMENT", o.data.augment},
          {"DATA.PAD", cat(o.data.pad)},
          {"DATA.FLIP", cat(o.data.flip)},
          {"the stage", quantized ? "finetune" : "normal"}};
}

class Run {
 public:
  Run(config::Options options, bool resume, const Report& report)
      : options_(prepare(std::move(options))),
        report_(report),
        start_(starting_point(resume)),
        quantized_(quant::is_quantized(start_.graph)),
        names_(options_.outputs, quantized_),
        train_set_(open(data::Split::kTrain)),
        select_set_(open(options_.data.validation > 0 ? data::Split::kValidation : data::Split::kTest)),
        loader_(train_set_, data::train_transform(options_.data),
                {.batch = options_.train.batch,
                 .shuffle = true,
                 .drop_last = train_set_->size() >= options_.train.batch,
                 .workers = options_.data.workers,
                 .prefetch = options_.data.prefetch,
                 .seed = options_.train.seed,
                 .skip_broken = options_.data.broken == "skip"}),
        schedule_(options_.train, loader_.batches()),
        optimizer_(options_.train) {
    complete_normalization(start_.graph, options_);
    check_data(start_.graph, *train_set_);
    describe(start_.graph, options_, train_set_.get(), quantized_ ? "finetune" : "normal");
    module_.emplace(std::move(start_.graph), module_options());
    average_.emplace(module_->graph(), options_.train.ema);
    state_.fixed = fixed_options(options_, quantized_);
    if (resume) restore();
  }

  TrainResult run() {
    announce();
    if (state_.step == 0) begin();
    while (state_.epoch < options_.train.epochs) {
      if (!run_epoch()) return finish(true);
      end_epoch();
      if (done_early()) break;
    }
    return finish(false);
  }

 private:
  static config::Options prepare(config::Options options) {
    if (options.device != "cpu") {
      fail(Code::kUsage, "[DEVICE] expected cpu, got '", options.device, "'; this build trains on CPUs");
    }
    std::error_code error;
    std::filesystem::create_directories(options.outputs, error);
    if (error) fail(Code::kIo, "[OUTPUTS] cannot create ", options.outputs, ": ", error.message());
    return options;
  }

  io::Checkpoint starting_point(bool resume) {
    if (!resume) return {.graph = start_graph(options_, report_), .training = {}};
    const bool quantized =
        !options_.train.checkpoint.empty() && quant::is_quantized(io::load_checkpoint(options_.train.checkpoint).graph);
    const Names names(options_.outputs, quantized);
    if (!std::filesystem::exists(names.last)) {
      fail(Code::kUsage, "[--resume] there is no ", names.last.string(), " to continue; train without --resume first");
    }
    io::Checkpoint checkpoint = io::load_checkpoint(names.last);
    if (!checkpoint.training)
      fail(Code::kBadFile, names.last.string(), " holds no training state; train without --resume");
    return checkpoint;
  }

  std::shared_ptr<const data::Dataset> open(data::Split split) const {
    return data::open_dataset(options_.data, split);
  }

  ModuleOptions module_options() const {
    return {.ranges = parse_range_mode(options_.train.ranges),
            .weight_ranges = parse_weight_range_mode(options_.train.weight_ranges),
            .range_momentum = static_cast<float>(options_.train.range_momentum),
            .threads = static_cast<int>(options_.train.threads),
            .mean = options_.data.mean,
            .std = options_.data.std};
  }

  void restore() {
    TrainingState state = state_from(*start_.training);
    for (const auto& [key, text] : state_.fixed) {
      if (state.fixed[key] != text) {
        fail(Code::kUsage, "[--resume] expected ", key, " = ", state.fixed[key], " as in ", names_.last.string(),
             ", got ", text, "; resume with the run's own options");
      }
    }
    state_ = std::move(state);
    optimizer_.restore(std::move(state_.optimizer), module_->parameters());
    average_->restore(std::move(state_.average));
  }

  void announce() const {
    if (!report_.info) return;
    const char* split = options_.data.validation > 0 ? "validation images (DATA.VALIDATION)"
                                                     : "test images, because DATA.VALIDATION is 0";
    report_.info(cat(quantized_ ? "finetuning " : "training ", module_->graph().name, " on ", train_set_->size(),
                     " images, ", loader_.batches(), " steps an epoch; models are selected on ", select_set_->size(),
                     " ", split));
    if (state_.step > 0) report_.info(cat("continuing at epoch ", state_.epoch + 1, ", step ", state_.step));
  }

  // A fresh network is kept as it starts; a calibrated one competes with what finetuning makes of it.
  void begin() {
    if (quantized_) {
      consider(-1);
      if (report_.info) report_.info(cat("before finetuning: top-1 ", fixed_text(state_.best_top1, 2), " %"));
    } else if (options_.train.checkpoint.empty()) {
      io::save_checkpoint(names_.initial, {.graph = module_->graph(), .training = {}});
    }
    save_last();  // so that --resume never finds an earlier run's
  }

  bool done_early() const { return options_.train.max_steps > 0 && state_.step >= options_.train.max_steps; }

  // False: interrupted, everything is saved.
  bool run_epoch() {
    const auto start = Clock::now();
    const int64_t first = state_.next_batch;
    seconds_ = 0;
    loader_.start(state_.epoch, state_.next_batch);
    while (!done_early()) {
      const auto batch = loader_.next();
      if (!batch) break;
      train_on(*batch);
      state_.next_batch = batch->position + 1;
      seconds_ = seconds_since(start);
      show_progress(state_.next_batch - first);
      if (report_.interrupted && report_.interrupted()) {
        save_last();
        return false;
      }
      if (options_.train.save_every > 0 && state_.step % options_.train.save_every == 0) save_last();
    }
    steps_run_ = state_.next_batch - first;
    return true;
  }

  void train_on(const data::Batch& batch) {
    const int64_t freeze = options_.train.freeze_bn;
    const StepResult result =
        module_->train_step({.images = batch.images,
                             .labels = batch.labels,
                             .label_smoothing = static_cast<float>(options_.train.label_smoothing),
                             .freeze_bn = freeze >= 0 && state_.epoch >= freeze,
                             .dropout_seed = dropout_seed()});
    const auto parameters = module_->parameters();
    check_finite(result, parameters);
    optimizer_.step(parameters, schedule_.lr(state_.step));
    average_->update(state_.step);
    ++state_.step;
    state_.loss_sum += result.loss * static_cast<double>(batch.size());
    state_.correct += result.correct;
    state_.seen += batch.size();
  }

  uint64_t dropout_seed() const {
    const uint64_t key[] = {options_.train.seed, static_cast<uint64_t>(state_.step)};
    return hash64(key, sizeof key);
  }

  void check_finite(const StepResult& result, const std::vector<ParamView>& parameters) const {
    std::string where;
    if (const std::string& layer = module_->not_finite(); !layer.empty()) {
      where = cat("[", layer, "] a statistic or range");
    } else if (!std::isfinite(result.loss)) {
      where = "[loss] the loss";
    } else if (const std::string gradient = Optimizer::not_finite(parameters); !gradient.empty()) {
      where = cat("[", gradient, "] its gradient");
    } else {
      return;
    }
    fail(Code::kNan, where, " is NaN or infinite at epoch ", state_.epoch + 1, ", step ", state_.step + 1,
         "; nothing was updated",
         state_.best_epoch >= 0 ? cat(", the best model is ", names_.best.string()) : std::string(),
         "; lower TRAIN.LR (", options_.train.lr, ")");
  }

  void show_progress(int64_t steps) const {
    if (!report_.progress) return;
    const double rate = static_cast<double>(steps) / std::max(seconds_, 1e-9);
    const int64_t total = options_.train.epochs * loader_.batches();
    const double left = static_cast<double>(total - state_.step) / rate;
    const double seen = static_cast<double>(std::max<int64_t>(state_.seen, 1));
    report_.progress(cat("epoch ", state_.epoch + 1, "/", options_.train.epochs), state_.next_batch, loader_.batches(),
                     progress_text({.loss = state_.loss_sum / seen,
                                    .top1 = 100.0 * static_cast<double>(state_.correct) / seen,
                                    .images_per_second = rate * static_cast<double>(options_.train.batch),
                                    .seconds_left = left}));
  }

  // Evaluates, and keeps the model when it is the best so far.
  double consider(int64_t epoch) {
    const WeightAverage::InPlace averages(*average_);
    module_->weights_changed();
    const double accuracy = top1(*module_, select_set_, options_, report_);
    if (accuracy > state_.best_top1) {
      state_.best_top1 = accuracy;
      state_.best_epoch = epoch;
      module_->graph().metadata["top1"] = fixed_text(accuracy, 3);
      io::save_checkpoint(names_.best, {.graph = module_->graph(), .training = {}});
    }
    return accuracy;
  }

  void end_epoch() {
    const double seen = static_cast<double>(std::max<int64_t>(state_.seen, 1));
    const double rate = static_cast<double>(steps_run_ * options_.train.batch) / std::max(seconds_, 1e-9);
    save_last();  // a kill during the evaluation costs the evaluation only
    const double accuracy = consider(state_.epoch);
    const EpochMetrics metrics{.epoch = state_.epoch + 1,
                               .lr = schedule_.lr(std::max<int64_t>(state_.step - 1, 0)),
                               .train_loss = state_.loss_sum / seen,
                               .train_top1 = 100.0 * static_cast<double>(state_.correct) / seen,
                               .top1 = accuracy,
                               .images_per_second = rate};
    state_.history.push_back(metrics);
    if (!done_early() || state_.next_batch >= loader_.batches()) {
      ++state_.epoch;
      state_.next_batch = 0, state_.loss_sum = 0, state_.correct = 0, state_.seen = 0;
    }
    save_last();
    write_file(names_.metrics, metrics_csv(state_.history));
    if (report_.info) report_.info(epoch_text(metrics, options_.train.epochs, state_.best_top1));
  }

  void save_last() {
    module_->weights_changed();
    TrainingState state = state_;
    state.optimizer = optimizer_.state();
    state.average = average_->values();
    io::save_checkpoint(names_.last, {.graph = module_->graph(), .training = to_value(state)});
  }

  TrainResult finish(bool interrupted) const {
    return {.best_top1 = state_.best_top1,
            .best_epoch = state_.best_epoch,
            .best = names_.best,
            .last = names_.last,
            .interrupted = interrupted};
  }

  config::Options options_;
  const Report& report_;
  io::Checkpoint start_;
  const bool quantized_;
  const Names names_;
  std::shared_ptr<const data::Dataset> train_set_, select_set_;
  data::Loader loader_;
  Schedule schedule_;
  Optimizer optimizer_;
  std::optional<GraphModule> module_;
  std::optional<WeightAverage> average_;
  TrainingState state_;
  double seconds_ = 0;  // of the running epoch
  int64_t steps_run_ = 0;
};

}  // namespace

TrainResult run_training(config::Options options, bool resume, const Report& report) {
  return Run(std::move(options), resume, report).run();
}

}  // namespace qat::train
