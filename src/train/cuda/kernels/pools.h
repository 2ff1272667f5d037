// Which input pixels a pooling window covers and which windows read a pixel, for device and twin.
#pragma once

#include "base/qmath.h"
#include "train/cuda/kernels/kernels.h"

namespace qat::train::cuda {

// A later value takes the place of `best`: larger, or the first NaN.
QAT_HD bool beats(float v, float best) { return v > best || (v != v && best == best); }

// The window of one output pixel, its part inside the image: rows [y0, y1), columns [x0, x1) of the window.
struct OutputWindow {
  int64_t image, top, left;
  int y0, y1, x0, x1;
  unsigned first;  // place of its first pixel

  QAT_HD OutputWindow(const MaxPoolArgs& a, int64_t pixel) {
    const int64_t plane = a.out_height * a.out_width, rest = pixel % plane;
    image = pixel / plane;
    top = rest / a.out_width * a.stride[0] - a.pad[0], left = rest % a.out_width * a.stride[1] - a.pad[1];
    y0 = inside(-top, a.kernel[0]), y1 = inside(a.height - top, a.kernel[0]);
    x0 = inside(-left, a.kernel[1]), x1 = inside(a.width - left, a.kernel[1]);
    first = static_cast<unsigned>(y0 * a.kernel[1] + x0);
  }
  QAT_HD static int inside(int64_t v, int kernel) {
    return static_cast<int>(v < 0 ? 0 : (v > kernel ? static_cast<int64_t>(kernel) : v));
  }
};

// The output pixels [y0, y1) x [x0, x1) whose windows hold one input pixel.
struct InputReaders {
  int64_t image, y, x, y0, y1, x0, x1;

  QAT_HD InputReaders(const MaxPoolArgs& a, int64_t pixel) {
    const int64_t plane = a.height * a.width, rest = pixel % plane;
    image = pixel / plane, y = rest / a.width + a.pad[0], x = rest % a.width + a.pad[1];
    y0 = first(y, a.kernel[0], a.stride[0]), y1 = last(y, a.stride[0], a.out_height);
    x0 = first(x, a.kernel[1], a.stride[1]), x1 = last(x, a.stride[1], a.out_width);
  }
  // Where the pixel lies in the window of (oy, ox).
  QAT_HD unsigned place(const MaxPoolArgs& a, int64_t oy, int64_t ox) const {
    return static_cast<unsigned>((y - oy * a.stride[0]) * a.kernel[1] + x - ox * a.stride[1]);
  }
  QAT_HD static int64_t first(int64_t v, int kernel, int stride) { return v < kernel ? 0 : (v - kernel) / stride + 1; }
  QAT_HD static int64_t last(int64_t v, int stride, int64_t out) {
    const int64_t end = v / stride + 1;
    return end < out ? end : out;
  }
};

}  // namespace qat::train::cuda
