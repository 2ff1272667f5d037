// The calibrators: each takes a histogram with a positive maximum and returns amax; choose_range holds their table.
#pragma once

#include "quant/calib/calibrator.h"

namespace qat::quant {

struct CalibratorOptions {
  double percentile = 99.99;
};

float max_range(const Histogram& histogram, const CalibratorOptions& options);
float percentile_range(const Histogram& histogram, const CalibratorOptions& options);
float mse_range(const Histogram& histogram, const CalibratorOptions& options);
float entropy_range(const Histogram& histogram, const CalibratorOptions& options);

struct Calibrator {
  const char* name;
  float (*range)(const Histogram& histogram, const CalibratorOptions& options);
};
std::span<const Calibrator> calibrators();

struct Chosen {
  const char* calibrator;
  float amax;
};
// The calibrator of least expected error; of equals the first in the table.
Chosen auto_range(const Histogram& histogram, const CalibratorOptions& options);

}  // namespace qat::quant
