// Calibration: places quantizers in a float checkpoint and chooses their ranges from histograms.
#pragma once

#include <filesystem>

#include "train/distributed/group.h"
#include "train/train.h"

namespace qat::train {

// TrainPlugin::calibrate. Reads QUANT.CHECKPOINT (default: outputs' best float one), runs QUANT.IMAGES training images,
// spread evenly, with the test transforms; memory does not grow with them. Reports every range.
// OUTPUTS is made first. Throws Error(kUsage) where no layer is left to quantize, Error(kNan) naming the tensor that
// held NaN or infinity. group: of ranks that share the images; rank 0 writes and returns the path, the others return
// none.
std::filesystem::path run_calibration(config::Options options, const Report& report, Group* group = nullptr);

}  // namespace qat::train
