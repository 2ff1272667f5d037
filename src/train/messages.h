// What a training run says: numbers, progress details, a line an epoch.
#pragma once

#include <string>

#include "train/training_state.h"

namespace qat::train {

std::string fixed_text(double value, int digits);
std::string minutes_text(double seconds);  // "3:07"

struct Progress {
  double loss = 0, top1 = 0, images_per_second = 0, seconds_left = 0;
};
std::string progress_text(const Progress& progress);

// What an epoch of whole steps leaves out of `images`; "" where nothing.
std::string left_out_text(int64_t images, int64_t batch);

// Where a resumed run goes on, of `batches` steps an epoch.
std::string continuing_text(const TrainingState& state, int64_t epochs, int64_t batches);

std::string epoch_text(const EpochMetrics& metrics, int64_t epochs, double best_top1);

}  // namespace qat::train
