// Float convolutions through cuDNN, which is loaded when a plan needs it: NHWC, f32 in full precision or f16 with f32
// sums; bias, skip and ReLU in cuDNN's own epilogue.
#pragma once

#include <memory>
#include <optional>

#include "engine/cuda/float_ops/float_ops.h"
#include "engine/cuda/session/bound_step.h"

namespace qat::cuda {

class FloatConvs {
 public:
  virtual ~FloatConvs() = default;
  // Nothing for what cuDNN does not take: uneven pads, depthwise layers, f16 groups of no multiple of 8 channels.
  // Weights are repacked on the device, once for all shapes.
  virtual std::optional<BoundStep> bind(const kernels::FloatConvProblem& p, FloatKind kind,
                                        const FloatConvArgs& args) = 0;
};

// Null for a plan without float layers, and where libcudnn.so.9 is not found.
std::shared_ptr<FloatConvs> open_float_convs(const engine::Plan& plan);

}  // namespace qat::cuda
