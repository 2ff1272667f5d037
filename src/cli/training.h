// What train and calibrate share: how the training plugin talks to the console.
#pragma once

#include "cli/command.h"
#include "train/train.h"

namespace qat::cli {

// Lines, progress and Ctrl-C for a long command. The console must outlive the report.
train::Report report_to(Console& console);

}  // namespace qat::cli
