// Where a pooling window lies: the part inside the image and the mean's divisor.
#pragma once

#include <algorithm>

#include "engine/cpu/pool/pool.h"

namespace qat::kernels {

// Taps [first, last) of one axis are inside the image: position = start + tap * dilation.
struct WindowAxis {
  int64_t start, first, last;
  int64_t padded;  // taps inside the padded image
};

inline WindowAxis window_axis(int64_t start, int64_t kernel, int64_t dilation, int64_t extent, int64_t pad_after) {
  WindowAxis w{.start = start, .first = 0, .last = kernel, .padded = 0};
  while (w.first < kernel && start + w.first * dilation < 0) ++w.first;
  while (w.last > w.first && start + (w.last - 1) * dilation >= extent) --w.last;
  w.padded = std::min(kernel, (extent + pad_after - start + dilation - 1) / dilation);
  return w;
}

struct Window {
  WindowAxis h, w;
  float factor;  // of the sum, for the mean
};

inline Window window_of(const PoolProblem& p, int64_t row, int64_t column) {
  if (p.kind == Pool::kGlobal) {
    const double count = static_cast<double>(p.in_h * p.in_w);
    return {{0, 0, p.in_h, p.in_h}, {0, 0, p.in_w, p.in_w}, static_cast<float>(p.scale / count)};
  }
  const WindowAxis h = window_axis(row * p.stride_h - p.pad_top, p.kernel_h, p.dilation_h, p.in_h, p.pad_bottom);
  const WindowAxis w = window_axis(column * p.stride_w - p.pad_left, p.kernel_w, p.dilation_w, p.in_w, p.pad_right);
  const int64_t count = p.count_include_pad ? h.padded * w.padded : (h.last - h.first) * (w.last - w.first);
  return {h, w, static_cast<float>(p.scale / static_cast<double>(count))};
}

}  // namespace qat::kernels
