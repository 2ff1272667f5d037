// Which input pixels a pooling window covers and which windows read a pixel, for device and twin.
#pragma once

#include "base/qmath.h"
#include "train/cuda/kernels/kernels.h"

namespace qat::train::cuda {

// A later value takes the place of `best`: larger, or the first NaN.
QAT_HD bool beats(float v, float best) { return v > best || (v != v && best == best); }

// Divisions are of 32 bits: 64-bit ones would take longer than the memory. Pixels of a batch are fewer than 2^31
// (checked).

// The window of one output pixel, its part inside the image: rows [y0, y1), columns [x0, x1) of the window.
struct OutputWindow {
  int image, top, left;
  int y0, y1, x0, x1;
  unsigned first;  // place of its first pixel

  QAT_HD OutputWindow(const MaxPoolArgs& a, int row, int column) {
    image = row / static_cast<int>(a.out_height);
    top = (row - image * static_cast<int>(a.out_height)) * a.stride[0] - a.pad[0];
    left = column * a.stride[1] - a.pad[1];
    y0 = inside(-top, a.kernel[0]), y1 = inside(static_cast<int>(a.height) - top, a.kernel[0]);
    x0 = inside(-left, a.kernel[1]), x1 = inside(static_cast<int>(a.width) - left, a.kernel[1]);
    first = static_cast<unsigned>(y0 * a.kernel[1] + x0);
  }
  QAT_HD static int inside(int v, int kernel) { return v < 0 ? 0 : (v > kernel ? kernel : v); }
};

// The output pixels [y0, y1) x [x0, x1) whose windows hold one input pixel.
struct InputReaders {
  int image, y, x, y0, y1, x0, x1;

  QAT_HD InputReaders(const MaxPoolArgs& a, int row, int column) {
    image = row / static_cast<int>(a.height);
    y = row - image * static_cast<int>(a.height) + a.pad[0], x = column + a.pad[1];
    y0 = first(y, a.kernel[0], a.stride[0]), y1 = last(y, a.stride[0], static_cast<int>(a.out_height));
    x0 = first(x, a.kernel[1], a.stride[1]), x1 = last(x, a.stride[1], static_cast<int>(a.out_width));
  }
  // Where the pixel lies in the window of (oy, ox).
  QAT_HD unsigned place(const MaxPoolArgs& a, int oy, int ox) const {
    return static_cast<unsigned>((y - oy * a.stride[0]) * a.kernel[1] + x - ox * a.stride[1]);
  }
  QAT_HD static int over(int v, int stride) { return stride == 1 ? v : (stride == 2 ? v >> 1 : v / stride); }
  QAT_HD static int first(int v, int kernel, int stride) { return v < kernel ? 0 : over(v - kernel, stride) + 1; }
  QAT_HD static int last(int v, int stride, int out) {
    const int end = over(v, stride) + 1;
    return end < out ? end : out;
  }
};

}  // namespace qat::train::cuda
