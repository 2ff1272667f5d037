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
    const auto first = std::max<int64_t>(0, static_cast<int64_t>(centre - support + 0.5));
    const int64_t length = std::min(axis.input, static_cast<int64_t>(centre + support + 0.5)) - first;
    double sum = 0;
    for (int64_t t = 0; t < length; ++t) {
      const double x = std::abs((static_cast<double>(t + first) - centre + 0.5) * inverse);
      share[static_cast<size_t>(t)] = x < 1.0 ? 1.0 - x : 0.0;
      sum += share[static_cast<size_t>(t)];
    }
    for (int64_t t = 0; t < length; ++t) {
      const double weight = share[static_cast<size_t>(t)] / sum;
      taps.weights[static_cast<size_t>(i * taps.pitch + t)] = static_cast<int32_t>(0.5 + weight * (1 << kResizeBits));
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

// A strided block of rows of `bytes` each.
struct Rows {
  const uint8_t* data = nullptr;
  int64_t bytes = 0, stride = 0, count = 0, channels = 0;
};

// Horizontal pass of `in` into `out` (tight). A row that ends less than kResizeSlack before `end`, that of the pixels'
// memory, goes through the reference.
void resize_rows(const Rows& in, const uint8_t* end, const Taps& taps, uint8_t* out) {
  const ResizeKernel& kernel = resize_kernel();
  for (int64_t y = 0; y < in.count; ++y) {
    const RowArgs row{.in = in.data + y * in.stride, .out = out, .channels = in.channels};
    end - row.in >= in.bytes + kResizeSlack ? kernel.row(row, taps) : resize_row_reference(row, taps);
    out += taps.outputs() * in.channels;
  }
}

}  // namespace

Tensor resize_bilinear(const Tensor& pixels, const ResizeProblem& p) {
  const int64_t channels = pixels.dim(2), stride = pixels.dim(1) * channels;
  QAT_ASSERT(p.height >= 1 && p.width >= 1);
  QAT_ASSERT(inside(p.source, pixels.dim(0), pixels.dim(1)) && inside(p.target, p.height, p.width));
  Taps down =
      make_taps({.input = p.source.height, .size = p.height, .begin = p.target.top, .outputs = p.target.height});

  // Only the source rows that the vertical pass uses.
  const int64_t top = down.first.front(), rows = down.first.back() + down.length.back() - top;
  for (int32_t& first : down.first) first -= static_cast<int32_t>(top);
  const std::span<const uint8_t> bytes = pixels.data<uint8_t>();
  Rows in{.data = bytes.data() + (p.source.top + top) * stride + p.source.left * channels,
          .bytes = p.source.width * channels,
          .stride = stride,
          .count = rows,
          .channels = channels};
  const int64_t pitch = p.target.width * channels;
  Tensor across;
  if (p.width == p.source.width) {
    in.data += p.target.left * channels;
  } else {
    const Taps taps =
        make_taps({.input = p.source.width, .size = p.width, .begin = p.target.left, .outputs = p.target.width});
    across = Tensor(DType::kU8, {rows, p.target.width, channels});
    resize_rows(in, bytes.data() + bytes.size(), taps, across.data<uint8_t>().data());
    in = {.data = across.data<uint8_t>().data(), .stride = pitch};
  }
  Tensor result(DType::kU8, {p.target.height, p.target.width, channels});
  for (int64_t y = 0; y < p.target.height; ++y) {
    const auto at = static_cast<size_t>(y);
    resize_kernel().column({.in = in.data + down.first[at] * in.stride,
                            .stride = in.stride,
                            .weights = down.weights.data() + y * down.pitch,
                            .length = down.length[at],
                            .out = result.data<uint8_t>().data() + y * pitch,
                            .bytes = pitch});
  }
  return result;
}

Tensor resize_bilinear(const Tensor& pixels, int64_t height, int64_t width) {
  return resize_bilinear(pixels, {.source = {.height = pixels.dim(0), .width = pixels.dim(1)},
                                  .height = height,
                                  .width = width,
                                  .target = {.height = height, .width = width}});
}

}  // namespace qat::data
