// Int8 convolution, NHWC, with bias, requantization, residual add and activation in its epilogue.
//
//   acc[n,p,q,k] = sum over r, s, c of (x[n, p*stride_h - pad_top + r*dilation_h, q*stride_w - pad_left + s*dilation_w,
//                                         g*C/G + c] - in_zero_point) * w[k, c, r, s],   g = k / (K/G), exact in int32
//   y[n,p,q,k]   = epilogue(acc, multiplier[k], bias[k], skip[n,p,q,k])
//
// Outside the image x = in_zero_point. x: u8 [N,H,W,pitch_of(C)]; w: s8 [K,C/G,R,S]; skip: u8 [N,P,Q,pitch_of(K)];
// y: u8 [N,P,Q,pitch_of(K)] or f32 [N,P,Q,K]. y may be skip's buffer, never x's.
#pragma once

#include "engine/cpu/epilogue.h"
#include "engine/cpu/kernel.h"

namespace qat::kernels {

struct ConvProblem {
  int64_t in_channels = 1, out_channels = 1, groups = 1;
  int64_t kernel_h = 1, kernel_w = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  int32_t in_zero_point = 0;
  int32_t in_highest = 255;  // no stored value of x is higher, nor is in_zero_point
  int32_t sum_bits = 32;     // -2^(sum_bits - 1) <= acc < 2^(sum_bits - 1) with this layer's weights
  Epilogue epilogue;
  int64_t batch = 1, in_h = 1, in_w = 1;  // the bound shape
  int members = 1;                        // of a team that shares the units
  int64_t blocks = 0;                     // that it shares best, set by a kernel's cut(); 0: as few as caches allow

  int64_t out_h() const { return (in_h + pad_top + pad_bottom - dilation_h * (kernel_h - 1) - 1) / stride_h + 1; }
  int64_t out_w() const { return (in_w + pad_left + pad_right - dilation_w * (kernel_w - 1) - 1) / stride_w + 1; }
  int64_t pixels() const { return batch * out_h() * out_w(); }  // of the output
  int64_t macs() const { return pixels() * out_channels * (in_channels / groups) * kernel_h * kernel_w; }
  bool pointwise() const {  // x's pixels are the rows of a matrix as they lie in memory
    return kernel_h == 1 && kernel_w == 1 && stride_h == 1 && stride_w == 1 && pad_top == 0 && pad_left == 0 &&
           pad_bottom == 0 && pad_right == 0;
  }
};

struct ConvArgs {
  const uint8_t* x = nullptr;
  const void* weights = nullptr;      // packed by the same kernel
  const float* multiplier = nullptr;  // [K]
  const float* bias = nullptr;        // [K]
  const uint8_t* skip = nullptr;      // when epilogue.has_skip
  void* y = nullptr;
};

// The least sum_bits of a problem with these weights, [K][C/G][R][S].
int32_t sum_bits(const ConvProblem& p, std::span<const int8_t> weights);

using ConvKernel = WeightKernel<ConvProblem, ConvArgs>;

std::span<const ConvKernel> conv_kernels();  // fastest first, the last is conv_s8_reference

}  // namespace qat::kernels
