// The entries of the float depthwise table, and what its kernels see.
#pragma once

#include "engine/cuda/float_depthwise/float_depthwise.h"
#include "engine/cuda/mma/divide.h"

namespace qat::cuda {

// Channels come in groups of as many as a thread loads at once; a pixel has whole groups.
struct FloatDepthwiseParams {
  const void* x;
  const void* weights;
  const float* bias;
  const void* skip;  // or null
  void* y;
  int32_t in_h, in_w, out_h, out_w, pad_top, pad_left;
  int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;  // of depthwise_general alone
  Activation curved;                                                       // HardSwish, SiLU or none
  float p0, p1;                                                            // of it
  uint32_t low, high;                                                      // of the clip: a float, or a half twice
  uint32_t limit;                                                          // of x, the same
  int64_t threads;
  Divisor groups, column_strips, row_strips;
};

// A thread makes `rows` x `columns` outputs of `width` channels.
FloatDepthwiseParams float_depthwise_params(const FloatDepthwiseProblem& p, const FloatDepthwiseArgs& a, int64_t width,
                                            int64_t rows, int64_t columns);

inline const char* float_depthwise_limits(const FloatDepthwiseProblem& p, int64_t width) {
  const int64_t groups = float_pitch(p.kind, p.conv.x.c) / width;
  if (p.conv.x.n * p.conv.out_h() * p.conv.out_w() * groups >= int64_t{1} << 31) return "thread indices have 31 bits";
  return nullptr;
}

// depthwise_float_<rows>x<columns>: windows of 3x3 and 5x5, strides 1 and 2.
extern const FloatDepthwiseKernel kFloatDepthwise7x2;
extern const FloatDepthwiseKernel kFloatDepthwise2x2;
extern const FloatDepthwiseKernel kFloatDepthwise1x2;
extern const FloatDepthwiseKernel kFloatDepthwiseGeneral;  // any window

}  // namespace qat::cuda
