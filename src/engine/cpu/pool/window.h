// Where a pooling window lies: the part inside the image and the mean's divisor.
#pragma once

#include "engine/cpu/pool/pool.h"

namespace qat::kernels {
namespace {  // vector kernels include this too: each file keeps its own copy, compiled for its own instructions

// Taps [first, last) of one axis are inside the image: position = start + tap * dilation.
struct WindowAxis {
  int64_t start, first, last;
  int64_t padded;  // taps inside the padded image

  int64_t inside() const { return last - first; }
};

inline WindowAxis window_axis(int64_t start, int64_t kernel, int64_t dilation, int64_t extent, int64_t pad_after) {
  WindowAxis w{.start = start, .first = 0, .last = kernel, .padded = 0};
  while (w.first < kernel && start + w.first * dilation < 0) ++w.first;
  while (w.last > w.first && start + (w.last - 1) * dilation >= extent) --w.last;
  w.padded = kernel;
  while (w.padded > w.last && start + (w.padded - 1) * dilation >= extent + pad_after) --w.padded;
  return w;
}

inline WindowAxis window_rows(const PoolProblem& p, int64_t row) {
  if (p.kind == Pool::kGlobal) return {0, 0, p.in_h, p.in_h};
  return window_axis(row * p.stride_h - p.pad_top, p.kernel_h, p.dilation_h, p.in_h, p.pad_bottom);
}

inline WindowAxis window_columns(const PoolProblem& p, int64_t column) {
  if (p.kind == Pool::kGlobal) return {0, 0, p.in_w, p.in_w};
  return window_axis(column * p.stride_w - p.pad_left, p.kernel_w, p.dilation_w, p.in_w, p.pad_right);
}

// What the sum is multiplied by.
inline float mean_factor(const PoolProblem& p, const WindowAxis& h, const WindowAxis& w) {
  const int64_t count = p.count_include_pad && p.kind == Pool::kAverage ? h.padded * w.padded : h.inside() * w.inside();
  return static_cast<float>(p.scale / static_cast<double>(count));
}

inline int64_t tap_step_h(const PoolProblem& p) { return p.kind == Pool::kGlobal ? 1 : p.dilation_h; }
inline int64_t tap_step_w(const PoolProblem& p) { return p.kind == Pool::kGlobal ? 1 : p.dilation_w; }

}  // namespace
}  // namespace qat::kernels
