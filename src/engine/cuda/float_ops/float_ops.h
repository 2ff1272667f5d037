// Float steps on the GPU, one form each: pools, functions of one and two values, softmax, pads, and convolutions for
// what cuDNN does not take. Formulas are those of engine/runtime/float_plain.h, in float whatever the tensors' type.
//
// Tensors: NHWC, f32 at pitch C or f16 at half_pitch_of(C), whose pad channels stay finite: every op computes them too.
#pragma once

#include "engine/cpu/float_ops.h"
#include "engine/cuda/kernel.h"
#include "engine/runtime/problems.h"

namespace qat::cuda {

enum class FloatKind : uint8_t { kF32, kF16 };

constexpr int64_t float_pitch(FloatKind kind, int64_t channels) {
  return kind == FloatKind::kF16 ? half_pitch_of(channels) : channels;
}

cudaError_t float_pool(const kernels::FloatPoolProblem& p, FloatKind kind, const void* x, void* y, cudaStream_t stream);

// Strides of an operand in elements, 0 along what broadcasts. A constant is f32 whatever the other tensors are.
struct FloatOperand {
  const void* data = nullptr;
  FloatKind kind = FloatKind::kF32;
  int64_t n = 0, h = 0, w = 0, c = 0;
};
struct FloatBinaryOp {
  engine::FloatFunction function = engine::FloatFunction::kAdd;
  Activation activation = Activation::kNone;
  float p0 = 0, p1 = 0;
  FloatOperand a, b;
  void* y = nullptr;
  FloatKind kind = FloatKind::kF32;  // of y
  int64_t batch = 1, height = 1, width = 1, channels = 1;
};
cudaError_t float_binary(const FloatBinaryOp& op, cudaStream_t stream);

// y may be x. `elements` with the pad channels.
struct FloatUnaryOp {
  engine::FloatFunction function = engine::FloatFunction::kClip;
  float p0 = 0, p1 = 0;
  FloatKind kind = FloatKind::kF32;
  const void* x = nullptr;
  void* y = nullptr;
  int64_t elements = 0;
};
cudaError_t float_unary(const FloatUnaryOp& op, cudaStream_t stream);

cudaError_t float_softmax(FloatKind kind, const void* x, void* y, int64_t pixels, int64_t channels,
                          cudaStream_t stream);

cudaError_t float_fill(FloatKind kind, void* y, int64_t elements, float value, cudaStream_t stream);

// weights: f32 [K,C/G,R,S] as in the plan; bias f32 [K].
struct FloatConvArgs {
  const void* x = nullptr;
  const float* weights = nullptr;
  const float* bias = nullptr;
  const void* skip = nullptr;
  void* y = nullptr;
};
cudaError_t float_conv(const kernels::FloatConvProblem& p, FloatKind kind, const FloatConvArgs& args,
                       cudaStream_t stream);

struct FloatTransposeProblem {
  engine::StepAttrs attrs;
  int64_t in_channels, out_channels;
  engine::Extents in, out;
};
cudaError_t float_conv_transpose(const FloatTransposeProblem& p, FloatKind kind, const FloatConvArgs& args,
                                 cudaStream_t stream);

}  // namespace qat::cuda
