// The table of float depthwise kernels, and the binding of layers.
#include "engine/cuda/float_depthwise/float_depthwise.h"

#include "engine/cuda/float_depthwise/float_depthwise_kernels.h"

namespace qat::cuda {

using kernels::FloatConvProblem;

std::span<const FloatDepthwiseKernel> float_depthwise_kernels() {
  static const FloatDepthwiseKernel table[] = {kFloatDepthwise7x2, kFloatDepthwise2x2, kFloatDepthwise1x2,
                                               kFloatDepthwiseGeneral};
  return table;
}

// [K,1,R,S] is a Repack of one output of K channels: [1,R,S,pitch].
FloatDepthwiseWeights::FloatDepthwiseWeights(const FloatDepthwiseProblem& p, const float* plan_weights,
                                             const float* plan_bias) {
  const int64_t c = p.conv.x.c, pitch = float_pitch(p.kind, c), taps = p.conv.kernel_h * p.conv.kernel_w;
  weights = DeviceBuffer(static_cast<size_t>(taps * pitch) * (p.kind == FloatKind::kF16 ? 2 : 4) + 256);
  bias = DeviceBuffer(static_cast<size_t>(pitch) * sizeof(float) + 256);
  const Repack repack{.k = 1, .c = c, .taps = taps, .stored_k = 1, .stored_c = pitch};
  check(repack_weights(repack, p.kind, plan_weights, weights.data()), "weights");
  const Repack repack_one{.k = c, .stored_k = pitch};
  check(repack_bias(repack_one, FloatKind::kF32, plan_bias, bias.data()), "weights");
  check(cudaStreamSynchronize(nullptr), "weights");
}

bool FloatDepthwise::takes(const FloatConvProblem& p, FloatKind kind) {
  return p.groups == p.x.c && p.groups == p.out_channels && choose_float_depthwise({p, kind}) != nullptr;
}

std::optional<BoundStep> FloatDepthwise::bind(const FloatDepthwiseProblem& problem, const FloatConvArgs& args) {
  if (!takes(problem.conv, problem.kind)) return std::nullopt;
  const FloatDepthwiseKernel* kernel = choose_float_depthwise(problem);
  std::unique_ptr<FloatDepthwiseWeights>& packed = weights_[args.weights];
  if (!packed) packed = std::make_unique<FloatDepthwiseWeights>(problem, args.weights, args.bias);
  return bound<FloatDepthwiseKernel>(*kernel, problem,
                                     {.x = args.x,
                                      .weights = packed->weights.data(),
                                      .bias = reinterpret_cast<const float*>(packed->bias.data()),
                                      .skip = args.skip,
                                      .y = args.y});
}

}  // namespace qat::cuda
