// Plain loops: see float_plain.h.
#include "engine/runtime/float_plain.h"

#include <algorithm>
#include <cmath>

namespace qat::engine::plain {

using kernels::FloatConvProblem;
using kernels::FloatPool;
using kernels::FloatPoolProblem;

void conv_row(const FloatConvProblem& p, const float* x, const float* weights, const float* bias, const float* skip,
              float* y, int64_t row) {
  const int64_t out_h = p.out_h(), out_w = p.out_w(), n = row / out_h, top = row % out_h * p.stride_h - p.pad_top;
  const int64_t depth = p.x.c / p.groups, per_group = p.out_channels / p.groups;
  for (int64_t q = 0; q < out_w; ++q) {
    const int64_t left = q * p.stride_w - p.pad_left;
    for (int64_t k = 0; k < p.out_channels; ++k) {
      const float* w = weights + k * depth * p.kernel_h * p.kernel_w;
      float sum = 0;
      for (int64_t r = 0; r < p.kernel_h; ++r) {
        const int64_t h = top + r * p.dilation_h;
        for (int64_t s = 0; s < p.kernel_w && h >= 0 && h < p.x.h; ++s) {
          const int64_t v = left + s * p.dilation_w;
          if (v < 0 || v >= p.x.w) continue;
          const float* pixel = x + ((n * p.x.h + h) * p.x.w + v) * p.x.c + k / per_group * depth;
          for (int64_t c = 0; c < depth; ++c) sum += pixel[c] * w[(c * p.kernel_h + r) * p.kernel_w + s];
        }
      }
      const int64_t at = (row * out_w + q) * p.out_channels + k;
      sum += (bias ? bias[k] : 0.0f) + (skip ? skip[at] : 0.0f);
      y[at] = activate(sum, p.epilogue.activation, p.epilogue.p0, p.epilogue.p1);
    }
  }
}

void conv_transpose_row(const TransposeProblem& p, const float* x, const float* weights, const float* bias, float* y,
                        int64_t row) {
  const StepAttrs& a = p.attrs;
  const int64_t n = row / p.out.h, out_row = row % p.out.h, groups = a.groups;
  const int64_t per_group = p.out_channels / groups, depth = p.in_channels / groups;
  for (int64_t q = 0; q < p.out.w; ++q) {
    for (int64_t k = 0; k < p.out_channels; ++k) {
      const int64_t g = k / per_group;
      float sum = bias ? bias[k] : 0.0f;
      for (int64_t r = 0; r < a.kernel[0]; ++r) {
        const int64_t up = out_row + a.pads[0] - r * a.dilation[0];
        if (up < 0 || up % a.stride[0] != 0 || up / a.stride[0] >= p.in.h) continue;
        for (int64_t s = 0; s < a.kernel[1]; ++s) {
          const int64_t across = q + a.pads[1] - s * a.dilation[1];
          if (across < 0 || across % a.stride[1] != 0 || across / a.stride[1] >= p.in.w) continue;
          const float* pixel = x + ((n * p.in.h + up / a.stride[0]) * p.in.w + across / a.stride[1]) * p.in_channels;
          for (int64_t c = g * depth; c < (g + 1) * depth; ++c) {
            sum += pixel[c] * weights[((c * per_group + k % per_group) * a.kernel[0] + r) * a.kernel[1] + s];
          }
        }
      }
      y[(row * p.out.w + q) * p.out_channels + k] = activate(sum, a.activation, a.p0, a.p1);
    }
  }
}

void pool_row(const FloatPoolProblem& p, const float* x, float* y, int64_t row) {
  const int64_t n = row / p.out_h, top = row % p.out_h * p.stride_h - p.pad_top;
  for (int64_t q = 0; q < p.out_w; ++q) {
    const int64_t left = q * p.stride_w - p.pad_left;
    const int64_t rows = std::min(top + p.kernel_h, p.x.h + p.pad_bottom) - top;
    const int64_t columns = std::min(left + p.kernel_w, p.x.w + p.pad_right) - left;
    for (int64_t c = 0; c < p.x.c; ++c) {
      double sum = 0;
      float largest = -std::numeric_limits<float>::infinity();
      int64_t inside = 0;
      for (int64_t r = 0; r < p.kernel_h; ++r) {
        for (int64_t s = 0; s < p.kernel_w; ++s) {
          const int64_t h = top + r * p.dilation_h, v = left + s * p.dilation_w;
          if (h < 0 || h >= p.x.h || v < 0 || v >= p.x.w) continue;
          const float value = x[((n * p.x.h + h) * p.x.w + v) * p.x.c + c];
          sum += value;
          largest = std::max(largest, value);
          ++inside;
        }
      }
      const int64_t count = p.kind == FloatPool::kAverageIncludePad ? rows * columns : std::max<int64_t>(inside, 1);
      y[(row * p.out_w + q) * p.x.c + c] =
          p.kind == FloatPool::kMax ? largest : static_cast<float>(sum / static_cast<double>(count));
    }
  }
}

float apply(FloatFunction f, float a, float b) {
  switch (f) {
    case FloatFunction::kSub:
      return a - b;
    case FloatFunction::kMul:
      return a * b;
    case FloatFunction::kDiv:
      return a / b;
    default:
      return a + b;
  }
}

float apply(FloatFunction f, float x, float p0, float p1) {
  switch (f) {
    case FloatFunction::kClip:
      return activate(x, Activation::kClip, p0, p1);
    case FloatFunction::kSigmoid:
      return sigmoid_exact(x);
    case FloatFunction::kHardSigmoid:
      return std::min(std::max(fma_exact(x, p0, p1), 0.0f), 1.0f);
    case FloatFunction::kHardSwish:
      return activate(x, Activation::kHardSwish, 1.0f / 6.0f, 0);
    case FloatFunction::kSilu:
      return activate(x, Activation::kSilu, 1.0f, 0);
    case FloatFunction::kLeakyRelu:
      return x < 0 ? x * p0 : x;
    case FloatFunction::kTanh:
      return std::tanh(x);
    default:
      return x;
  }
}

void softmax(const float* x, float* y, int64_t channels) {
  const float largest = *std::max_element(x, x + channels);
  double sum = 0;
  for (int64_t c = 0; c < channels; ++c) {
    y[c] = exp_exact(x[c] - largest);
    sum += y[c];
  }
  for (int64_t c = 0; c < channels; ++c) y[c] = static_cast<float>(y[c] / sum);
}

}  // namespace qat::engine::plain
