// Fake quantization outside of chains: weights per channel, learned scales (LSQ), zero points. Straight-through
// estimator.
#pragma once

#include "train/libtorch/libtorch.h"
#include "train/ranges.h"

namespace qat::train {

struct FakeQuantStep {
  Quantizer quant;
  bool learned = false;           // the range is a leaf and gets LSQ's gradient
  bool follow = false;            // weights: the range is max|x|, measured by run() itself
  bool per_sample = true;         // LSQ's n counts one sample's elements (activations) or all (weights)
  std::vector<float> zero_point;  // empty: 0

  // y = (clamp(rne(x / s) + z, lo, hi) - z) s. Gradient of x: 1 inside the range, 0 outside. Gradient of a learned
  // range r (s = r / 127): 127 ds, ds = 1 / sqrt(n hi) sum g (inside ? rne(x / s) - x / s : bound), so that a step of
  // plain SGD moves s exactly as LSQ does (Esser et al., Learned step size quantization, 2020).
  at::Tensor run(const at::Tensor& x, const at::Tensor& range) const;
};

// max|w| per channel of `quant.axis` (or over all) into quant.range; exact.
void measure_range(const Quantizer& quant, const at::Tensor& w);

}  // namespace qat::train
