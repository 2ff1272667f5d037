// The training loop: epochs, selection, checkpoints, exact resumption.
#pragma once

#include "train/distributed/group.h"
#include "train/train.h"

namespace qat::train {

// TrainPlugin::train. Trains what TRAIN.* and MODEL.* say; a quantized start is finetuned. After each epoch the model
// is evaluated on the validation split (DATA.VALIDATION > 0) or the test split, the best and the last are kept.
// Throws Error(kNan) before the optimizer's step when loss, gradient, statistic or range is not finite.
// group: of the ranks that train together, TRAIN.BATCH images a step in all; nullptr: one process. All get the same
// result; rank 0 alone writes files and reports.
TrainResult run_training(config::Options options, bool resume, const Report& report, Group* group = nullptr);

}  // namespace qat::train
