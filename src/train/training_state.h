// What a run needs to go on exactly where it stopped, as a value of a .pth.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "io/pth/pth.h"
#include "train/optimizer.h"

namespace qat::train {

// One epoch's line of the metrics file.
struct EpochMetrics {
  int64_t epoch = 0;
  double lr = 0, train_loss = 0, train_top1 = 0, top1 = 0, images_per_second = 0;
};

// Sample order, augmentation and dropout depend on (seed, epoch, step) only, so no generator has a state to keep.
struct TrainingState {
  int64_t epoch = 0, next_batch = 0;  // where to go on
  int64_t step = 0;                   // optimizer steps so far
  double best_top1 = -1;
  int64_t best_epoch = -1;
  double loss_sum = 0;  // of this epoch so far
  int64_t correct = 0, seen = 0;
  OptimizerState optimizer;
  std::map<std::string, std::vector<float>> average;  // moving averages by name (TRAIN.EMA)
  std::vector<EpochMetrics> history;
  std::map<std::string, std::string> fixed;  // options that an exact continuation needs unchanged
};

io::PyValue to_value(const TrainingState& state);

// Throws Error(kBadFile) naming what is missing or of the wrong type.
TrainingState state_from(const io::PyValue& value);

// "epoch,lr,train_loss,train_top1,top1,images_per_second" and a line an epoch.
std::string metrics_csv(const std::vector<EpochMetrics>& history);

}  // namespace qat::train
