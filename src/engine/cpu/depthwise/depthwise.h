// Int8 depthwise convolution, NHWC: every channel has its own filter (groups = C = K).
//
//   acc[n,p,q,c] = sum over r, s of (x[n, p*stride_h - pad_top + r*dilation_h, q*stride_w - pad_left + s*dilation_w, c]
//                                    - in_zero_point) * w[c,r,s], exact in int32
//   y[n,p,q,c]   = epilogue(acc, multiplier[c], bias[c], skip[n,p,q,c])
//
// Outside the image x = in_zero_point. x: u8 [N,H,W,pitch_of(C)]; w: s8 [C,1,R,S]; y, skip as in conv/conv.h. A unit is
// one output row of one image.
#pragma once

#include "engine/cpu/epilogue.h"
#include "engine/cpu/kernel.h"

namespace qat::kernels {

struct DepthwiseProblem {
  int64_t channels = 1;
  int64_t kernel_h = 1, kernel_w = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  int32_t in_zero_point = 0;
  int32_t in_highest = 255;  // no stored value of x is higher, nor is in_zero_point
  Epilogue epilogue;
  int64_t batch = 1, in_h = 1, in_w = 1;  // the bound shape

  int64_t out_h() const { return (in_h + pad_top + pad_bottom - dilation_h * (kernel_h - 1) - 1) / stride_h + 1; }
  int64_t out_w() const { return (in_w + pad_left + pad_right - dilation_w * (kernel_w - 1) - 1) / stride_w + 1; }
  int64_t macs() const { return batch * out_h() * out_w() * channels * kernel_h * kernel_w; }
};

struct DepthwiseArgs {
  const uint8_t* x = nullptr;
  const void* weights = nullptr;      // packed by the same kernel
  const float* multiplier = nullptr;  // [C]
  const float* bias = nullptr;        // [C]
  const uint8_t* skip = nullptr;      // when epilogue.has_skip
  void* y = nullptr;
};

using DepthwiseKernel = WeightKernel<DepthwiseProblem, DepthwiseArgs>;

std::span<const DepthwiseKernel> depthwise_kernels();  // fastest first, the last is depthwise_s8_reference

}  // namespace qat::kernels
