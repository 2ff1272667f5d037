// Calibration: places quantizers in a float checkpoint and chooses their ranges from histograms.
#pragma once

#include <filesystem>

#include "train/train.h"

namespace qat::train {

// TrainPlugin::calibrate. Reads QUANT.CHECKPOINT (default: outputs' best float one), runs QUANT.IMAGES training images,
// spread evenly, with the test transforms; memory does not grow with them. Reports a table: layer, range, calibrator,
// share clipped, signal-to-noise. Throws Error(kNan) naming the tensor that held NaN or infinity.
std::filesystem::path run_calibration(config::Options options, const Report& report);

}  // namespace qat::train
