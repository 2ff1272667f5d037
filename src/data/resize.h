// Antialiased bilinear resizing of 8-bit images, bit for bit as Pillow's Image.resize(size, BILINEAR).
#pragma once

#include <cstdint>

#include "base/tensor.h"

namespace qat::data {

// A rectangle in pixels.
struct Window {
  int64_t top = 0, left = 0, height = 0, width = 0;
};

// out[y] = clip((2^21 + sum_t w[y][t] * in[first[y] + t]) >> 22), over x first, then over y, with u8 between the two.
// w are triangle weights of half width max(1, in / out), normalized to sum 1 in double, rounded to 22 bits.
// (Pillow, src/libImaging/Resample.c.) pixels: u8 [H,W,C], C any; gives u8 [height,width,C].
Tensor resize_bilinear(const Tensor& pixels, int64_t height, int64_t width);

// The same of the part `source` of the pixels (a crop), and of the result only the part `target`:
// resize(crop(pixels, source), height, width) cropped to target, without computing the rest. Both windows must lie
// inside (asserted).
struct ResizeProblem {
  Window source;
  int64_t height = 0, width = 0;
  Window target;
};
Tensor resize_bilinear(const Tensor& pixels, const ResizeProblem& problem);

}  // namespace qat::data
