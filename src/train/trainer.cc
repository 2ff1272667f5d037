// One class holds a run; its members are the state that a checkpoint keeps: see trainer.h.
#include "train/trainer.h"

#include <chrono>
#include <optional>

#include "base/file.h"
#include "quant/placement.h"
#include "train/continuation.h"
#include "train/distributed/agree.h"
#include "train/distributed/turns.h"
#include "train/earlier_run.h"
#include "train/evaluate.h"
#include "train/learner.h"
#include "train/messages.h"
#include "train/schedule.h"
#include "train/start.h"
#include "train/training_state.h"

namespace qat::train {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

class Run {
 public:
  Run(config::Options options, bool resume, const Report& report, Group* group)
      : options_(prepare(std::move(options))),
        report_(report),
        group_(group),
        start_(resume ? last_checkpoint(options_)
                      : io::Checkpoint{.graph = start_graph(options_, report_), .training = {}}),
        quantized_(quant::is_quantized(start_.graph)),
        names_(options_.outputs, quantized_),
        train_set_(open(data::Split::kTrain)),
        select_set_(open(options_.data.validation > 0 ? data::Split::kValidation : data::Split::kTest)),
        transform_(options_.device == "cpu"
                       ? data::SplitTransform{.transform = data::train_transform(options_.data), .rest = {}}
                       : data::split_train_transform(options_.data, train_set_->same_size())),
        loader_(train_set_, transform_.transform,
                {.batch = options_.train.batch,
                 .shuffle = true,
                 .drop_last = train_set_->size() >= options_.train.batch,
                 .workers = options_.data.workers,
                 .prefetch = options_.data.prefetch,
                 .seed = options_.train.seed,
                 .skip_broken = options_.data.broken == "skip",
                 .rest = transform_.rest,
                 .shard = shard_of(group, Batches::kInParts)}),
        turns_(loader_, group),
        schedule_(options_.train, loader_.batches()) {
    const std::string file = start_file(options_.train.checkpoint, options_.model);
    complete_normalization(start_.graph, options_, file);
    check_data(start_.graph, *train_set_, options_.data, file);
    describe(start_.graph, options_, train_set_.get(), quantized_ ? "finetune" : "normal");
    check_ranks();
    check_outputs();
    learner_.emplace(std::move(start_.graph), options_, group);
    state_.fixed = fixed_options(options_, quantized_);
    if (resume) restore();
  }

  TrainResult run() {
    announce();
    // Before rank 0 writes: what others read of OUTPUTS may lie on another disk.
    expect_same(group_, group_ == nullptr ? 0 : learner_->hash(),
                "[OUTPUTS, TRAIN.CHECKPOINT] the model that a rank starts from");
    if (state_.step == 0 && !begin()) return finish(true);
    while (state_.epoch < options_.train.epochs && !complete()) {
      if (!run_epoch() || !end_epoch()) return finish(true);
      if (done_early()) break;
    }
    return finish(false);
  }

 private:
  static config::Options prepare(config::Options options) {
    make_outputs(options.outputs);
    return options;
  }

  std::shared_ptr<const data::Dataset> open(data::Split split) const {
    return data::open_dataset(options_.data, split,
                              quantized_ ? data::class_names(start_.graph.metadata) : std::vector<std::string>());
  }

  void check_ranks() const {
    const int64_t least = std::min(options_.train.batch, train_set_->size());
    if (least >= ranks(group_)) return;
    fail(Code::kUsage, "[TRAIN.BATCH] expected an image of each step for each of ", group_->size(), " ranks, got ",
         least, " images");
  }

  // Before the work, which would be lost. By rank 0, which alone writes: OUTPUTS may be another disk to the others.
  void check_outputs() const {
    if (group_ != nullptr && group_->rank() != 0) return;
    for (const std::filesystem::path& file : {names_.best, names_.last, names_.metrics}) check_writable(file);
  }

  void restore() {
    TrainingState state = state_from(*start_.training);
    expect_same_options(state.fixed, state_.fixed, names_.last);
    state_ = std::move(state);
    learner_->restore(state_);
  }

  void announce() const {
    if (!report_.info) return;
    const char* split = options_.data.validation > 0 ? "validation images (DATA.VALIDATION)"
                                                     : "test images, because DATA.VALIDATION is 0";
    report_.info(cat(quantized_ ? "finetuning " : "training ", learner_->graph().name, " on ", train_set_->size(),
                     " images, ", loader_.batches(), loader_.batches() == 1 ? " step" : " steps",
                     " an epoch; models are selected on ", select_set_->size(), " ", split));
    const std::string left_out = left_out_text(train_set_->size(), options_.train.batch);
    if (!left_out.empty()) report_.info(left_out);
    const std::string missing = data::missing_classes(*select_set_);
    if (!missing.empty() && report_.warn) report_.warn(cat("the folder that models are selected on has ", missing));
    if (group_ != nullptr) {
      report_.info(cat(group_->size(), " processes train together: ", options_.train.batch,
                       " images a step in all, BN ",
                       options_.train.sync_bn ? "statistics of all of them" : "statistics of each one's share"));
    }
    if (const int64_t classes = classes_of(learner_->graph()); classes > train_set_->classes()) {
      report_.info(
          cat("note: the network has ", classes, " classes, the data ", train_set_->classes(), " (MODEL.CLASSES)"));
    }
    if (state_.step == 0) return;
    const bool ended = state_.epoch >= options_.train.epochs || complete();
    report_.info(ended ? cat("nothing is left to train: the run ended after ", state_.step, " steps")
                       : continuing_text(state_, options_.train.epochs, loader_.batches()));
  }

  // A fresh network is kept as it starts; one that was trained or calibrated competes with what more training makes of
  // it. False: interrupted.
  bool begin() {
    if (!start_.training) write([&] { keep_earlier_run(options_.outputs, names_, report_); });
    if (!quantized_ && options_.train.checkpoint.empty()) {
      write([&] { io::save_checkpoint(names_.initial, {.graph = learner_->graph(), .training = {}}); });
    }
    save_last();  // so that --resume never finds an earlier run's
    if (options_.train.checkpoint.empty() && !quantized_) return true;
    if (!consider(-1)) return false;
    if (report_.info) report_.info(cat("before training: top-1 ", fixed_text(state_.best_top1, 2), " %"));
    save_last();
    return true;
  }

  bool done_early() const { return options_.train.max_steps > 0 && state_.step >= options_.train.max_steps; }

  // Done early, and judged: the last row of the history is of the epoch that was broken off.
  bool complete() const {
    return done_early() && !state_.history.empty() &&
           state_.history.back().epoch == state_.epoch + (state_.next_batch > 0 ? 1 : 0);
  }

  // False: interrupted, everything is saved.
  bool run_epoch() {
    const auto start = Clock::now();
    const int64_t first = state_.next_batch;
    seconds_ = 0;
    turns_.start(state_.epoch, state_.next_batch);
    while (!done_early()) {
      const auto turn = turns_.next();
      if (!turn) break;
      train_on(*turn);
      state_.next_batch = turn->batch.position + 1;
      seconds_ = seconds_since(start);
      show_progress(state_.next_batch - first);
      if (any(group_, report_.interrupted && report_.interrupted())) {
        save_last();
        return false;
      }
      if (options_.train.save_every > 0 && state_.step % options_.train.save_every == 0) save_last();
    }
    steps_run_ = state_.next_batch - first;
    return true;
  }

  void train_on(const Turn& turn) {
    const int64_t freeze = options_.train.freeze_bn;
    account(learner_->step(turn.batch, {.step = state_.step,
                                        .lr = schedule_.lr(state_.step),
                                        .freeze_bn = freeze >= 0 && state_.epoch >= freeze,
                                        .all_images = turn.images}));
    ++state_.step;
    const bool stale = !state_.history.empty() && state_.history.back().epoch == state_.epoch + 1;
    if (stale) state_.history.pop_back();  // of this epoch, broken off by MAX_STEPS: there is more of it now
  }

  void account(const std::vector<StepOutcome>& outcomes) {
    for (const StepOutcome& outcome : outcomes) {
      if (!outcome.not_finite.empty()) agreed(group_, [&] { fail_on(outcome); });
      state_.loss_sum += outcome.loss * static_cast<double>(outcome.images);
      state_.correct += outcome.correct;
      state_.seen += outcome.images;
    }
  }

  void fail_on(const StepOutcome& outcome) const {
    fail(Code::kNan, outcome.not_finite, " is NaN or infinite at epoch ", state_.epoch + 1, ", step ", outcome.step + 1,
         " of the run; nothing was updated",
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

  // Evaluates, and keeps the model when it is the best so far. Nothing when interrupted: --resume evaluates again.
  std::optional<double> consider(int64_t epoch) {
    const Learner::Averaged averaged(*learner_);
    const std::optional<double> accuracy = top1(learner_->module(), select_set_, options_, report_, skipped_, group_);
    if (accuracy && *accuracy > state_.best_top1) {
      state_.best_top1 = *accuracy;
      state_.best_epoch = epoch;
      learner_->module().graph().metadata["top1"] = fixed_text(*accuracy, 3);
      write([&] { io::save_checkpoint(names_.best, {.graph = learner_->graph(), .training = {}}); });
    }
    return accuracy;
  }

  // False: interrupted, everything is saved.
  bool end_epoch() {
    skipped_.note("training", loader_, group_);
    account(learner_->synchronize());
    agreed(group_, [&] {
      if (state_.seen == 0) fail(Code::kBadFile, "[DATA.PATH] every image of the training split is broken");
    });
    const double seen = static_cast<double>(std::max<int64_t>(state_.seen, 1));
    const double rate = static_cast<double>(steps_run_ * options_.train.batch) / std::max(seconds_, 1e-9);
    save_last();  // a kill during the evaluation costs the evaluation only
    const std::optional<double> accuracy = consider(state_.epoch);
    if (!accuracy) return false;
    const EpochMetrics metrics{.epoch = state_.epoch + 1,
                               .lr = schedule_.lr(std::max<int64_t>(state_.step - 1, 0)),
                               .train_loss = state_.loss_sum / seen,
                               .train_top1 = 100.0 * static_cast<double>(state_.correct) / seen,
                               .top1 = *accuracy,
                               .images_per_second = rate};
    const bool again = !state_.history.empty() && state_.history.back().epoch == metrics.epoch;
    if (again) state_.history.pop_back();  // of the same epoch, broken off by MAX_STEPS
    state_.history.push_back(metrics);
    if (!done_early() || state_.next_batch >= loader_.batches()) {
      ++state_.epoch;
      state_.next_batch = 0, state_.loss_sum = 0, state_.correct = 0, state_.seen = 0;
    }
    write([&] { write_file(names_.metrics, metrics_csv(state_.history)); });  // before the run can count as complete
    save_last();
    if (report_.info) report_.info(epoch_text(metrics, options_.train.epochs, state_.best_top1));
    return true;
  }

  void save_last() {
    account(learner_->synchronize());
    learner_->module().weights_changed();
    expect_same(group_, group_ == nullptr ? 0 : learner_->hash(), "[distributed] a rank's state");
    TrainingState state = state_;
    learner_->save(state);
    write([&] { io::save_checkpoint(names_.last, {.graph = learner_->graph(), .training = to_value(state)}); });
  }

  // On rank 0; when it fails, all do.
  void write(const std::function<void()>& files) const {
    agreed(group_, [&] {
      if (group_ == nullptr || group_->rank() == 0) files();
    });
  }

  TrainResult finish(bool interrupted) const {
    return {.best_top1 = state_.best_top1,
            .best_epoch = state_.best_epoch,
            .best = names_.best,
            .last = names_.last,
            .interrupted = interrupted,
            .rank = group_ == nullptr ? 0 : group_->rank()};
  }

  config::Options options_;
  const Report& report_;
  Group* const group_;
  io::Checkpoint start_;
  const bool quantized_;
  const Names names_;
  std::shared_ptr<const data::Dataset> train_set_, select_set_;
  const data::SplitTransform transform_;
  data::Loader loader_;
  Turns turns_;
  SkipLog skipped_{report_};
  Schedule schedule_;
  std::optional<Learner> learner_;
  TrainingState state_;
  double seconds_ = 0;  // of the running epoch
  int64_t steps_run_ = 0;
};

}  // namespace

TrainResult run_training(config::Options options, bool resume, const Report& report, Group* group) {
  std::optional<Run> run;
  agreed(group, [&] { run.emplace(std::move(options), resume, report, group); });
  return run->run();
}

}  // namespace qat::train
