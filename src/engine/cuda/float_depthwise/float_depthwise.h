// Float depthwise convolutions on the GPU, one channel a group: f32 and f16, NHWC, sums in float; bias, skip and
// activation in the same kernel.
//
//   y[n,p,q,c] = activate(bias[c] + sum over r,s of min(x[n, p*sh + r*dh - top, q*sw + s*dw - left, c], limit)
//                         * w[c,r,s] + skip[n,p,q,c])
//
// Weights: of the tensors' type, [R,S,pitch]; bias: f32 [pitch]; both 0 past C. y may be skip, never x.
#pragma once

#include <limits>
#include <map>
#include <memory>
#include <optional>

#include "engine/cuda/float_layer/repack.h"
#include "engine/cuda/session/bound_step.h"

namespace qat::cuda {

struct FloatDepthwiseProblem {
  kernels::FloatConvProblem conv;
  FloatKind kind = FloatKind::kF32;
  float limit = std::numeric_limits<float>::infinity();  // above 0; of a clip that x's layer left to this one
};

struct FloatDepthwiseArgs {
  const void* x = nullptr;
  const void* weights = nullptr;
  const float* bias = nullptr;
  const void* skip = nullptr;
  void* y = nullptr;
};

struct FloatDepthwiseKernel : Kernel<FloatDepthwiseProblem, FloatDepthwiseArgs> {
  int64_t (*threads)(const FloatDepthwiseProblem&);  // of a launch; null: general
};

std::span<const FloatDepthwiseKernel> float_depthwise_kernels();  // the most outputs a thread first

// The first of the table whose threads fill the GPU; null for more threads than can be counted.
const FloatDepthwiseKernel* choose_float_depthwise(const FloatDepthwiseProblem& p);

// The plan's weights in the kernels' form, made on the device once for all shapes.
struct FloatDepthwiseWeights {
  DeviceBuffer weights, bias;
  FloatDepthwiseWeights(const FloatDepthwiseProblem& p, const float* plan_weights, const float* plan_bias);
};

// Binds a session's depthwise layers, whose weights it keeps.
class FloatDepthwise {
 public:
  static bool takes(const kernels::FloatConvProblem& p, FloatKind kind);
  // Nothing for a layer that is not depthwise, or too large for the table. args.weights and args.bias: the plan's.
  std::optional<BoundStep> bind(const FloatDepthwiseProblem& problem, const FloatConvArgs& args);

 private:
  std::map<const float*, std::unique_ptr<FloatDepthwiseWeights>> weights_;
};

}  // namespace qat::cuda
