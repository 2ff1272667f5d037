// The chain kernel on whole tensors, for evaluation: no gradient, no mask.
#pragma once

#include "train/libtorch/libtorch.h"

namespace qat::train {

// y = fake_quant(clip(x * a + b + skip * skip_scale)), see kernels.h. a, b: [channels], where x is, or nullptr; skip
// may be undefined, and either operand broadcasts. Rows are split among threads.
struct PixelPass {
  const float *a = nullptr, *b = nullptr;
  float skip_scale = 1, clip_lo = 0, clip_hi = 0, scale = 0;
  int quant_lo = -128, quant_hi = 127;
};
at::Tensor run_pixels(const at::Tensor& x, const at::Tensor& skip, const PixelPass& pass);

}  // namespace qat::train
