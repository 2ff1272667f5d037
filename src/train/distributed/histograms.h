// Calibration's histograms of all ranks.
#pragma once

#include <vector>

#include "quant/calib/calibrator.h"
#include "train/distributed/group.h"

namespace qat::train {

// Those of all ranks merged, on all: a function of the values, however many ranks saw them and in whatever order.
std::vector<quant::Histogram> merged(Group* group, std::vector<quant::Histogram> histograms);

}  // namespace qat::train
