// Float convolutions for what neither cuDNN nor float_depthwise/ takes, one output a thread: correct, not fast.
#include "base/qmath.h"
#include "engine/cuda/float_ops/elements.cuh"

namespace qat::cuda {
namespace {

using kernels::FloatConvProblem;

struct Conv {
  int64_t in_h, in_w, out_h, out_w, in_pitch, out_pitch, out_channels;
  int64_t depth, per_group;  // channels of a group: in, out
  int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  Activation activation;
  float p0, p1;
};

template <class T>
__global__ void conv_kernel(Conv p, FloatConvArgs a, int64_t total) {
  let_next_start();
  wait_for_previous();
  const T *x = static_cast<const T*>(a.x), *skip = static_cast<const T*>(a.skip);
  QAT_GRID_LOOP(i, total) {
    const int64_t k = i % p.out_pitch, pixel = i / p.out_pitch, q = pixel % p.out_w, row = pixel / p.out_w % p.out_h;
    if (k >= p.out_channels) {
      put(static_cast<T*>(a.y) + i, 0.0f);
      continue;
    }
    const int64_t top = row * p.stride_h - p.pad_top, left = q * p.stride_w - p.pad_left;
    const T* image = x + pixel / p.out_w / p.out_h * p.in_h * p.in_w * p.in_pitch + k / p.per_group * p.depth;
    const float* w = a.weights + k * p.depth * p.kernel_h * p.kernel_w;
    float sum = 0;
    for (int64_t r = 0; r < p.kernel_h; ++r) {
      const int64_t h = top + r * p.dilation_h;
      for (int64_t s = 0; s < p.kernel_w && h >= 0 && h < p.in_h; ++s) {
        const int64_t v = left + s * p.dilation_w;
        if (v < 0 || v >= p.in_w) continue;
        const T* from = image + (h * p.in_w + v) * p.in_pitch;
        for (int64_t c = 0; c < p.depth; ++c)
          sum = fmaf(to_f32(from[c]), w[(c * p.kernel_h + r) * p.kernel_w + s], sum);
      }
    }
    sum += a.bias[k] + (skip ? to_f32(skip[i]) : 0.0f);
    put(static_cast<T*>(a.y) + i, activate(sum, p.activation, p.p0, p.p1));
  }
}

struct Transpose {
  int64_t in_h, in_w, out_h, out_w, in_pitch, out_pitch, out_channels, depth, per_group;
  int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  Activation activation;
  float p0, p1;
};

template <class T>
__global__ void transpose_kernel(Transpose p, FloatConvArgs a, int64_t total) {
  let_next_start();
  wait_for_previous();
  const T* x = static_cast<const T*>(a.x);
  QAT_GRID_LOOP(i, total) {
    const int64_t k = i % p.out_pitch, pixel = i / p.out_pitch, q = pixel % p.out_w, row = pixel / p.out_w % p.out_h;
    if (k >= p.out_channels) {
      put(static_cast<T*>(a.y) + i, 0.0f);
      continue;
    }
    const int64_t n = pixel / p.out_w / p.out_h, first = k / p.per_group * p.depth;
    float sum = a.bias[k];
    for (int64_t r = 0; r < p.kernel_h; ++r) {
      const int64_t up = row + p.pad_top - r * p.dilation_h;
      if (up < 0 || up % p.stride_h != 0 || up / p.stride_h >= p.in_h) continue;
      for (int64_t s = 0; s < p.kernel_w; ++s) {
        const int64_t across = q + p.pad_left - s * p.dilation_w;
        if (across < 0 || across % p.stride_w != 0 || across / p.stride_w >= p.in_w) continue;
        const T* from = x + ((n * p.in_h + up / p.stride_h) * p.in_w + across / p.stride_w) * p.in_pitch;
        for (int64_t c = first; c < first + p.depth; ++c) {
          const int64_t at = ((c * p.per_group + k % p.per_group) * p.kernel_h + r) * p.kernel_w + s;
          sum = fmaf(to_f32(from[c]), a.weights[at], sum);
        }
      }
    }
    put(static_cast<T*>(a.y) + i, activate(sum, p.activation, p.p0, p.p1));
  }
}

}  // namespace

cudaError_t float_conv(const FloatConvProblem& p, FloatKind kind, const FloatConvArgs& args, cudaStream_t stream) {
  const kernels::FloatEpilogue& e = p.epilogue;
  const Conv conv{.in_h = p.x.h,
                  .in_w = p.x.w,
                  .out_h = p.out_h(),
                  .out_w = p.out_w(),
                  .in_pitch = float_pitch(kind, p.x.c),
                  .out_pitch = float_pitch(kind, p.out_channels),
                  .out_channels = p.out_channels,
                  .depth = p.x.c / p.groups,
                  .per_group = p.out_channels / p.groups,
                  .kernel_h = p.kernel_h,
                  .kernel_w = p.kernel_w,
                  .stride_h = p.stride_h,
                  .stride_w = p.stride_w,
                  .dilation_h = p.dilation_h,
                  .dilation_w = p.dilation_w,
                  .pad_top = p.pad_top,
                  .pad_left = p.pad_left,
                  .activation = e.activation,
                  .p0 = e.p0,
                  .p1 = e.p1};
  const int64_t total = p.x.n * conv.out_h * conv.out_w * conv.out_pitch;
  return with_type(kind, [&]<class T>(T) { return launch(conv_kernel<T>, grid_of(total), stream, conv, args, total); });
}

cudaError_t float_conv_transpose(const FloatTransposeProblem& p, FloatKind kind, const FloatConvArgs& args,
                                 cudaStream_t stream) {
  const engine::StepAttrs& a = p.attrs;
  const Transpose transpose{.in_h = p.in.h,
                            .in_w = p.in.w,
                            .out_h = p.out.h,
                            .out_w = p.out.w,
                            .in_pitch = float_pitch(kind, p.in_channels),
                            .out_pitch = float_pitch(kind, p.out_channels),
                            .out_channels = p.out_channels,
                            .depth = p.in_channels / a.groups,
                            .per_group = p.out_channels / a.groups,
                            .kernel_h = a.kernel[0],
                            .kernel_w = a.kernel[1],
                            .stride_h = a.stride[0],
                            .stride_w = a.stride[1],
                            .dilation_h = a.dilation[0],
                            .dilation_w = a.dilation[1],
                            .pad_top = a.pads[0],
                            .pad_left = a.pads[1],
                            .activation = a.activation,
                            .p0 = a.p0,
                            .p1 = a.p1};
  const int64_t total = p.out.n * p.out.h * p.out.w * transpose.out_pitch;
  return with_type(
      kind, [&]<class T>(T) { return launch(transpose_kernel<T>, grid_of(total), stream, transpose, args, total); });
}

}  // namespace qat::cuda
