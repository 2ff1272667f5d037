// What a training step changes, stepped together: a module, its optimizer and the average of its weights.
#pragma once

#include <string>

#include "config/options.h"
#include "data/data.h"
#include "train/graph_module.h"
#include "train/optimizer.h"
#include "train/training_state.h"
#include "train/weight_average.h"

namespace qat::train {

struct StepSettings {
  int64_t step = 0;  // optimizer steps before this one: seeds dropout, warms the average up
  double lr = 0;
  bool freeze_bn = false;
};

struct StepOutcome {
  double loss = 0;  // mean over the batch
  int64_t correct = 0;
  std::string not_finite;  // "[layer1.0.bn1] a statistic or range": nothing was updated; "" when all is well
};

class Learner {
 public:
  // TRAIN.*, and DATA.MEAN and STD. Throws Error(kUsage / kBadFile).
  Learner(ir::Graph graph, const config::Options& options);

  GraphModule& module() { return module_; }
  const ir::Graph& graph() const { return module_.graph(); }

  // Forward, backward and, where loss, statistics, ranges and gradients are finite, the update.
  StepOutcome step(const data::Batch& batch, const StepSettings& settings);

  // While it lives, the module holds the averaged weights (TRAIN.EMA; without it, its own), ready to be evaluated.
  class Averaged {
   public:
    explicit Averaged(Learner& learner) : in_place_(learner.average_) { learner.module_.weights_changed(); }

   private:
    WeightAverage::InPlace in_place_;
  };

  // Optimizer and averages to and from a checkpoint's state. restore throws Error(kBadFile).
  void save(TrainingState& state) const;
  void restore(TrainingState& state);

 private:
  std::string not_finite(const StepResult& result, const std::vector<ParamView>& parameters) const;

  const config::TrainOptions options_;
  GraphModule module_;
  Optimizer optimizer_;
  WeightAverage average_;
};

}  // namespace qat::train
