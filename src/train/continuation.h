// --resume: where an interrupted run goes on, and which options have to be those it began with.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "config/options.h"
#include "io/checkpoint.h"
#include "train/start.h"

namespace qat::train {

// What decides the sequence of steps: changed, a resumed run would be another run. Kept in TrainingState::fixed.
std::map<std::string, std::string> fixed_options(const config::Options& options, bool quantized);

// Throws Error(kUsage) naming the first option of `now` that differs from the one saved in `file`.
void expect_same_options(const std::map<std::string, std::string>& saved, const std::map<std::string, std::string>& now,
                         const std::filesystem::path& file);

// The last checkpoint of options.outputs: of the kind that TRAIN.CHECKPOINT is of, else the newer one. Throws
// Error(kUsage) where there is none.
std::filesystem::path last_path(const config::Options& options);

// It is read, with its training state. Throws Error(kUsage / kBadFile / kIo).
io::Checkpoint last_checkpoint(const config::Options& options);

}  // namespace qat::train
