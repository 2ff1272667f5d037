// Weights and the two passes of the bilinear resize: see resize.h.
#include "data/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "data/resize_kernels.h"

namespace qat::data {

namespace {

// One axis: outputs [begin, begin + outputs) of `size` made from `input` pixels.
struct Axis {
  int64_t input = 0, size = 0, begin = 0, outputs = 0;
};

int64_t truncate(double x) { return static_cast<int64_t>(x); }

// The operations and their order are Pillow's: another order would round some weights differently.
Taps make_taps(const Axis& axis) {
  const double scale = static_cast<double>(axis.input) / static_cast<double>(axis.size);
  const double support = std::max(scale, 1.0);
  const double inverse = 1.0 / support;
  Taps taps;
  taps.pitch = static_cast<int64_t>(std::ceil(support)) * 2 + 1;
  taps.pitch += taps.pitch % 2;  // kernels read weights in pairs
  taps.weights.resize(static_cast<size_t>(axis.outputs * taps.pitch));
  std::vector<double> share(static_cast<size_t>(taps.pitch));
  for (int64_t i = 0; i < axis.outputs; ++i) {
    const double centre = (static_cast<double>(axis.begin + i) + 0.5) * scale;
    const auto first = std::max<int64_t>(0, truncate(centre - support + 0.5));
    const int64_t length = std::min(axis.input, truncate(centre + support + 0.5)) - first;
    double sum = 0;
    for (int64_t t = 0; t < length; ++t) {
      const double x = std::abs((static_cast<double>(t + first) - centre + 0.5) * inverse);
      share[static_cast<size_t>(t)] = x < 1.0 ? 1.0 - x : 0.0;
      sum += share[static_cast<size_t>(t)];
    }
    for (int64_t t = 0; t < length; ++t) {
      const double weight = share[static_cast<size_t>(t)] / sum;
      taps.weights[static_cast<size_t>(i * taps.pitch + t)] =
          static_cast<int32_t>(truncate(weight * (1 << kResizeBits) + 0.5));
    }
    taps.first.push_back(static_cast<int32_t>(first));
    taps.length.push_back(static_cast<int32_t>(length));
  }
  return taps;
}

bool inside(const Window& window, int64_t height, int64_t width) {
  return window.top >= 0 && window.left >= 0 && window.height >= 1 && window.width >= 1 &&
         window.top + window.height <= height && window.left + window.width <= width;
}

// A strided block of pixels in memory that ends at `end`.
struct Block {
  const uint8_t* data = nullptr;
  const uint8_t* end = nullptr;
  int64_t height = 0, width = 0, channels = 0, stride = 0;
};

Block block_of(const Tensor& pixels) {
  const std::span<const uint8_t> bytes = pixels.data<uint8_t>();
  return {.data = bytes.data(),
          .end = bytes.data() + bytes.size(),
          .height = pixels.dim(0),
          .width = pixels.dim(1),
          .channels = pixels.dim(2),
          .stride = pixels.dim(1) * pixels.dim(2)};
}

Block part(Block block, const Window& window) {
  block.data += window.top * block.stride + window.left * block.channels;
  block.height = window.height;
  block.width = window.width;
  return block;
}

// The inputs that the outputs use: [first, first + length). Makes the taps relative to them.
struct Extent {
  int64_t first = 0, length = 0;
};
Extent make_relative(Taps& taps) {
  const int32_t first = taps.first.front(), end = taps.first.back() + taps.length.back();
  for (int32_t& tap : taps.first) tap -= first;
  return {.first = first, .length = end - first};
}

// [height,width,C] -> [height,outputs,C]. A row that ends less than kResizeSlack before the end of the memory goes
// through the reference.
Tensor across(const Block& in, const Taps& taps) {
  const ResizeKernel& kernel = resize_kernel();
  Tensor result(DType::kU8, {in.height, taps.outputs(), in.channels});
  uint8_t* out = result.data<uint8_t>().data();
  for (int64_t y = 0; y < in.height; ++y, out += taps.outputs() * in.channels) {
    const RowArgs row{.in = in.data + y * in.stride, .out = out, .channels = in.channels};
    in.end - row.in >= in.width* in.channels + kResizeSlack ? kernel.row(row, taps) : resize_row_reference(row, taps);
  }
  return result;
}

// [height,width,C] -> [outputs,width,C].
Tensor down(const Block& in, const Taps& taps) {
  const ResizeKernel& kernel = resize_kernel();
  Tensor result(DType::kU8, {taps.outputs(), in.width, in.channels});
  const int64_t bytes = in.width * in.channels;
  for (int64_t y = 0; y < taps.outputs(); ++y) {
    const auto at = static_cast<size_t>(y);
    kernel.column({.in = in.data + taps.first[at] * in.stride,
                   .stride = in.stride,
                   .weights = taps.weights.data() + y * taps.pitch,
                   .length = taps.length[at],
                   .out = result.data<uint8_t>().data() + y * bytes,
                   .bytes = bytes});
  }
  return result;
}

}  // namespace

bool resizes_down_first(const Window& source, int64_t height, int64_t width) {
  const int64_t rows = source.height - height, columns = source.width - width;
  return rows > 0 && rows > 2 * columns;
}

Tensor resize_bilinear(const Tensor& pixels, const ResizeProblem& p) {
  QAT_ASSERT(p.height >= 1 && p.width >= 1);
  QAT_ASSERT(inside(p.source, pixels.dim(0), pixels.dim(1)) && inside(p.target, p.height, p.width));
  const Block source = part(block_of(pixels), p.source);
  Taps x = make_taps({.input = source.width, .size = p.width, .begin = p.target.left, .outputs = p.target.width});
  Taps y = make_taps({.input = source.height, .size = p.height, .begin = p.target.top, .outputs = p.target.height});
  const Extent columns = make_relative(x), rows = make_relative(y);
  const Block used =
      part(source, {.top = rows.first, .left = columns.first, .height = rows.length, .width = columns.length});
  if (resizes_down_first(p.source, p.height, p.width)) {
    const Tensor low = down(used, y);
    return across(block_of(low), x);
  }
  const Tensor narrow = across(used, x);
  return down(block_of(narrow), y);
}

Tensor resize_bilinear(const Tensor& pixels, int64_t height, int64_t width) {
  return resize_bilinear(pixels, {.source = {.height = pixels.dim(0), .width = pixels.dim(1)},
                                  .height = height,
                                  .width = width,
                                  .target = {.height = height, .width = width}});
}

}  // namespace qat::data
