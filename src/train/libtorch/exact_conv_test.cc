// Convolutions by columns against LibTorch's own, on integers: equal to the last bit.
#include "train/libtorch/exact_conv.h"

#include <gtest/gtest.h>

namespace qat::train {
namespace {

at::Tensor integers(at::IntArrayRef sizes, int64_t lo, int64_t hi) {
  return at::randint(lo, hi + 1, sizes, at::TensorOptions().dtype(at::kFloat));
}

struct Case {
  int64_t n, c, h, w, k, r, s;
  ir::ConvAttrs attrs;
};

TEST(ExactConv, ColumnsEqualTheConvolution) {
  at::manual_seed(3);
  const Case cases[] = {
      {3, 5, 9, 7, 4, 1, 1, {}},
      {2, 3, 17, 19, 8, 7, 7, {.stride = {2, 2}, .pads = {3, 3, 3, 3}}},
      {5, 16, 8, 9, 24, 3, 3, {.pads = {1, 1, 1, 1}}},
      {2, 6, 11, 5, 7, 3, 1, {.stride = {2, 3}, .pads = {1, 0, 2, 1}}},
      {1, 8, 12, 13, 12, 3, 3, {.pads = {2, 2, 2, 2}, .dilation = {2, 2}, .groups = 4}},
      {2, 12, 6, 6, 12, 3, 3, {.stride = {2, 2}, .pads = {1, 1, 1, 1}, .groups = 3}},
      {2, 1, 5, 5, 3, 5, 5, {}},
  };
  for (const Case& c : cases) {
    const at::Tensor x = integers({c.n, c.c, c.h, c.w}, -128, 127);
    const at::Tensor w = integers({c.k, c.c / c.attrs.groups, c.r, c.s}, -127, 127);
    const auto& p = c.attrs.pads;
    const std::array<int64_t, 2> none{0, 0};
    const at::Tensor want = at::conv2d(at::constant_pad_nd(x, {p[1], p[3], p[0], p[2]}, 0), w, {}, c.attrs.stride, none,
                                       c.attrs.dilation, c.attrs.groups);
    for (const at::MemoryFormat format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
      const at::Tensor got = conv_by_columns(x.contiguous(format), w.contiguous(format), c.attrs);
      EXPECT_TRUE(got.is_contiguous(at::MemoryFormat::ChannelsLast)) << &c - cases;
      EXPECT_TRUE(at::equal(got, want)) << &c - cases;
    }
    // Part of the channels, as a layer whose sums pass 2^24 takes them.
    if (c.attrs.groups == 1 && c.c > 2) {
      const at::Tensor part = conv_by_columns(x.narrow(1, 1, 2), w.narrow(1, 1, 2), c.attrs);
      const at::Tensor rest = w.clone();
      rest.narrow(1, 0, 1).zero_(), rest.narrow(1, 3, c.c - 3).zero_();
      EXPECT_TRUE(at::equal(part, conv_by_columns(x, rest, c.attrs))) << &c - cases;
    }
  }
}

TEST(ExactConv, PartsOfABatchEqualTheWhole) {
  const at::Tensor x = integers({5, 8, 96, 96}, -128, 127), w = integers({4, 8, 41, 41}, -1, 1);
  // 41 x 41 windows of 8 channels at 56 x 56 places: 169 MB an image, so three chunks.
  ASSERT_GT(5 * 56 * 56 * 41 * 41 * 8 * int64_t{4}, kColumnBytes);
  EXPECT_TRUE(at::equal(conv_by_columns(x, w, {}), at::conv2d(x, w)));
}

}  // namespace
}  // namespace qat::train
