// What calibration collects: one histogram a range, however many images there are.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "ir/graph.h"
#include "quant/calib/calibrator.h"
#include "train/device.h"

namespace qat::train {

// Tensors that share a range share its histogram. Each thread fills its own (32 KiB a range and thread); counts are
// whole numbers, so the sum does not depend on the number of threads. On a GPU they lie in its memory.
class RangeHistograms {
 public:
  // device: where the values will be; nullptr: the host.
  RangeHistograms(const ir::Graph& graph, int threads, DevicePlugin* device = nullptr);

  // Values of the input of quantizer `quantizer`, counted as quant::activation_quantizers(graph) does.
  void add(size_t quantizer, std::span<const float> values);

  const std::vector<ir::ValueId>& ranges() const { return ranges_; }
  quant::Histogram merged(size_t range) const;

 private:
  int threads_;
  std::unique_ptr<DeviceHistograms> device_;
  std::vector<ir::ValueId> ranges_;
  std::vector<size_t> of_quantizer_;                  // index into ranges_
  std::vector<std::vector<quant::Histogram>> parts_;  // [thread][range]
};

}  // namespace qat::train
