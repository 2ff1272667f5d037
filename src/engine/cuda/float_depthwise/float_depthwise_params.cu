// A launch's parameters, and the choice among the table's kernels.
#include <limits>

#include "engine/cuda/float_depthwise/float_depthwise_kernels.h"
#include "engine/cuda/float_ops/elements.cuh"

namespace qat::cuda {

namespace {

// A clip's bound as a word of T.
uint32_t word_of(FloatKind kind, float bound) {
  if (kind == FloatKind::kF32) return __builtin_bit_cast(uint32_t, bound);
  return __half_as_ushort(__float2half_rn(bound)) * 0x00010001u;
}

}  // namespace

FloatDepthwiseParams float_depthwise_params(const FloatDepthwiseProblem& problem, const FloatDepthwiseArgs& a,
                                            int64_t width, int64_t rows, int64_t columns) {
  const kernels::FloatConvProblem& p = problem.conv;
  const kernels::FloatEpilogue& e = p.epilogue;
  const int64_t groups = float_pitch(problem.kind, p.x.c) / width;
  const int64_t row_strips = (p.out_h() + rows - 1) / rows, column_strips = (p.out_w() + columns - 1) / columns;
  const auto i32 = [](int64_t v) { return static_cast<int32_t>(v); };
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const bool clip = e.activation == Activation::kClip;
  return {.x = a.x,
          .weights = a.weights,
          .bias = a.bias,
          .skip = a.skip,
          .y = a.y,
          .in_h = i32(p.x.h),
          .in_w = i32(p.x.w),
          .out_h = i32(p.out_h()),
          .out_w = i32(p.out_w()),
          .pad_top = i32(p.pad_top),
          .pad_left = i32(p.pad_left),
          .kernel_h = i32(p.kernel_h),
          .kernel_w = i32(p.kernel_w),
          .stride_h = i32(p.stride_h),
          .stride_w = i32(p.stride_w),
          .dilation_h = i32(p.dilation_h),
          .dilation_w = i32(p.dilation_w),
          .curved = clip ? Activation::kNone : e.activation,
          .p0 = e.p0,
          .p1 = e.p1,
          .low = word_of(problem.kind, clip ? e.p0 : -kInfinity),
          .high = word_of(problem.kind, clip ? e.p1 : kInfinity),
          .limit = word_of(problem.kind, problem.limit),
          .threads = p.x.n * row_strips * column_strips * groups,
          .groups = Divisor(groups),
          .column_strips = Divisor(column_strips),
          .row_strips = Divisor(row_strips)};
}

// Past the first kernel with threads enough, fewer outputs a thread only load more weights and inputs. On an H200
// strips of 7x2 won from 244 threads a multiprocessor on and lost at 163, 2x2 from 178 on and lost at 143.
const FloatDepthwiseKernel* choose_float_depthwise(const FloatDepthwiseProblem& p) {
  constexpr int64_t kBusy = 170;  // threads a multiprocessor
  const FloatDepthwiseKernel* chosen = nullptr;
  for (const FloatDepthwiseKernel& kernel : float_depthwise_kernels()) {
    if (kernel.supports(p) != nullptr) continue;
    if (kernel.threads == nullptr && chosen != nullptr) break;  // the general one is for what others refuse
    chosen = &kernel;
    if (kernel.threads != nullptr && kernel.threads(p) >= kBusy * multiprocessors()) break;
  }
  return chosen;
}

}  // namespace qat::cuda
