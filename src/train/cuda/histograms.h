// Calibration's histograms in device memory: see train/device.h.
#pragma once

#include "train/cuda/cuda.h"
#include "train/cuda/program/target.h"
#include "train/device.h"

namespace qat::train::cuda {

class CudaHistograms final : public DeviceHistograms {
 public:
  explicit CudaHistograms(size_t count);
  void add(size_t histogram, std::span<const float> device_values) override;
  quant::Histogram get(size_t histogram) override;

 private:
  at::Tensor states_;  // HistogramState, one after the other
};

}  // namespace qat::train::cuda
