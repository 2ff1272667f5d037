// What OUTPUTS has of an earlier run, kept where a new one would write over it.
#pragma once

#include "train/start.h"

namespace qat::train {

// Moves the checkpoints and metrics of the stage to OUTPUTS/earlier/N, N the first that is free, and says so, where a
// run of the stage has a best or last checkpoint. Throws Error(kIo).
void keep_earlier_run(const std::filesystem::path& outputs, const Names& names, const Report& report);

}  // namespace qat::train
