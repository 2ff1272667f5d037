// What a training step changes, stepped together: a module, its optimizer and the average of its weights.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/options.h"
#include "data/data.h"
#include "train/device.h"
#include "train/distributed/group.h"
#include "train/graph_module.h"
#include "train/optimizer.h"
#include "train/outcome.h"
#include "train/training_state.h"
#include "train/weight_average.h"

namespace qat::train {

// group: of the ranks that train together.
ModuleOptions module_options(const config::Options& options, Group* group = nullptr);

// Of LibTorch's generator in step `step`; each rank has masks of its own.
uint64_t dropout_seed(uint64_t seed, int64_t step, const Group* group);

class Learner {
 public:
  // TRAIN.*, DATA.MEAN and STD, and DEVICE. Throws Error(kUsage / kBadFile), and device_plugin()'s.
  // group outlives it.
  Learner(ir::Graph graph, const config::Options& options, Group* group = nullptr);

  GraphModule& module() { return module_; }
  const ir::Graph& graph() const { return module_.graph(); }

  // Forward, backward and, where loss, statistics, ranges and gradients are finite, the update. Returns the outcomes
  // that became known: on a CPU this step's, on a GPU, where steps are queued, those of steps before it. After one that
  // is not finite no step updates anything.
  std::vector<StepOutcome> step(const data::Batch& batch, const StepSettings& settings);

  // Waits for the queued steps, returns their outcomes, and brings module(), save() and Averaged up to date.
  std::vector<StepOutcome> synchronize();

  // DeviceSteps, for benchmarks; nullptr on a CPU.
  DeviceSteps* device() { return device_.get(); }

  // While it lives, the module holds the averaged weights (TRAIN.EMA; without it, its own), ready to be evaluated.
  class Averaged {
   public:
    explicit Averaged(Learner& learner) : in_place_(learner.average_) { learner.module_.weights_changed(); }

   private:
    WeightAverage::InPlace in_place_;
  };

  // Of all that a step changes: ranks that train together have the same.
  uint64_t hash();

  // Optimizer and averages to and from a checkpoint's state. restore throws Error(kBadFile).
  void save(TrainingState& state) const;
  void restore(TrainingState& state);

 private:
  StepOutcome step_on_host(const data::Batch& batch, const StepSettings& settings);
  std::string first_not_finite(const StepResult& result, const std::vector<ParamView>& parameters) const;

  const config::TrainOptions options_;
  Group* const group_;
  GraphModule module_;
  Optimizer optimizer_;
  WeightAverage average_;
  std::unique_ptr<DeviceSteps> device_;  // nullptr: the module itself runs the steps
  bool loaded_ = false;                  // the device has what the parts hold
};

}  // namespace qat::train
