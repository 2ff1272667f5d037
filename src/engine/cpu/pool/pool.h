// Int8 pooling, NHWC: the largest value, or the mean, of each window, and the mean of a whole image.
//
//   kMax      y = max over the window's pixels inside the image; x and y share scale and zero point
//   kAverage  y = clamp(rne(v)) + zero_point, v = float(sum over the inside pixels of (x - in_zero_point)) *
//             float(scale / count), scale = s_x / s_y; count: the window's pixels inside the image, or, with
//             count_include_pad, those inside the padded image
//   kGlobal   the same with the whole image as the window; y: [N,1,1,pitch_of(C)]
//
// A window lies at p*stride - pad, p < out_h (ceil_mode is already in out_h); each has a pixel inside the image.
// Dilation is for kMax only. x: u8 [N,H,W,pitch_of(C)]; y: u8 [N,P,Q,pitch_of(C)], not x's buffer. A unit is an output
// row.
#pragma once

#include "engine/cpu/kernel.h"

namespace qat::kernels {

enum class Pool : uint8_t { kMax, kAverage, kGlobal };

struct PoolProblem {
  Pool kind = Pool::kMax;
  int64_t channels = 1;
  int64_t kernel_h = 1, kernel_w = 1;  // kGlobal: ignored, as all of the geometry is
  int64_t stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  bool count_include_pad = false;
  double scale = 1.0;
  int32_t in_zero_point = 0;
  int32_t zero_point = 0, lo = 0, hi = 255;  // of y; kMax ignores lo and hi
  int64_t batch = 1, in_h = 1, in_w = 1;     // the bound shape
  int64_t out_h = 1, out_w = 1;              // kGlobal: 1, 1
};

struct PoolArgs {
  const uint8_t* x = nullptr;
  uint8_t* y = nullptr;
};

using PoolKernel = Kernel<PoolProblem, PoolArgs>;

std::span<const PoolKernel> pool_kernels();  // fastest first, the last is pool_reference

}  // namespace qat::kernels
