// Antialiased bilinear resizing of 8-bit images, bit for bit as Pillow's Image.resize(size, BILINEAR).
#pragma once

#include <cstdint>

#include "base/tensor.h"

namespace qat::data {

// A rectangle in pixels.
struct Window {
  int64_t top = 0, left = 0, height = 0, width = 0;
};

// out[y] = clip((2^21 + sum_t w[y][t] * in[first[y] + t]) >> 22), over x first, then over y, with u8 between the two,
// or first over y when resizes_down_first(). w are triangle weights of half width max(1, in / out), normalized to sum 1
// in double, rounded to 22 bits. (Pillow 13, src/libImaging/Resample.c.) pixels: u8 [H,W,C], C any; gives u8
// [height,width,C].
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

// Pillow 13's order of the passes: height - h > max(0, 2 * (width - w)). Older ones start with x except for images over
// 100 times as high as wide; with the shorter side given, both agree for all images less than 2 times as high as wide.
bool resizes_down_first(const Window& source, int64_t height, int64_t width);

}  // namespace qat::data
