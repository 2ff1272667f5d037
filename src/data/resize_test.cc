// The resize against Pillow, its kernels against the reference, its windows against whole images.
#include "data/resize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/file.h"
#include "data/data_testing.h"
#include "data/resize_kernels.h"
#include "data/transform.h"

namespace qat::data {

namespace {

using testing::expect_equal_pixels;
using testing::random_pixels;

struct Case {
  Tensor pixels;
  int64_t height, width;
};

// Directed sizes first: one pixel, one row, identity, one axis only, huge ratios; then random ones up and down.
std::vector<Case> make_cases(int count) {
  Random random(7);
  std::vector<Case> cases;
  const int64_t directed[][4] = {{1, 1, 1, 1},         {1, 1, 7, 9},     {7, 9, 1, 1},         {1, 64, 1, 3},
                                 {64, 1, 3, 1},        {33, 47, 33, 47}, {33, 47, 33, 5},      {33, 47, 90, 47},
                                 {2, 2, 255, 3},       {300, 2, 2, 300}, {375, 500, 256, 341}, {500, 375, 341, 256},
                                 {224, 224, 223, 225}, {28, 28, 32, 32}};
  for (const auto& s : directed)
    for (const int64_t channels : {1, 3}) cases.push_back({random_pixels(s[0], s[1], channels, random), s[2], s[3]});
  while (static_cast<int>(cases.size()) < count) {
    const auto side = [&] { return 1 + random.below(random.below(2) ? 40 : 160); };
    cases.push_back({random_pixels(side(), side(), random.below(2) ? 3 : 1, random), side(), side()});
  }
  return cases;
}

TEST(Resize, EqualsPillowOnAThousandImages) {
  const testing::TemporaryFolder folder;
  const std::vector<Case> cases = make_cases(1000);
  std::ofstream list(folder / "cases.txt"), raw(folder / "cases.raw", std::ios::binary);
  for (const Case& c : cases) {
    list << join(c.pixels.shape(), " ") << " " << c.height << " " << c.width << "\n";
    raw.write(static_cast<const char*>(c.pixels.raw()), c.pixels.size());
  }
  list.close();
  raw.close();
  if (!testing::run_judge("resize " + folder.path().string())) GTEST_SKIP() << "no Python with Pillow";
  std::string expected = read_file(folder / "resized.raw");
  size_t at = 0;
  for (const Case& c : cases) {
    const Tensor got = resize_bilinear(c.pixels, c.height, c.width);
    ASSERT_LE(at + got.bytes(), expected.size());
    Tensor want(DType::kU8, got.shape());
    std::copy_n(expected.data() + at, got.bytes(), static_cast<char*>(want.raw()));
    at += got.bytes();
    expect_equal_pixels(want, got, cat(to_string(c.pixels.shape()), " to ", c.height, "x", c.width));
    if (HasFailure()) return;
  }
  EXPECT_EQ(at, expected.size());
}

TEST(Resize, KernelsEqualTheReference) {
  Random random(11);
  for (const ResizeKernel& kernel : resize_kernels()) {
    if (kernel.isa > cpu().best) continue;
    for (int repeat = 0; repeat < 200; ++repeat) {
      const int64_t channels = 1 + random.below(4), width = 1 + random.below(60), outputs = 1 + random.below(70);
      Taps taps{.pitch = 2 * (1 + random.below(4))};
      taps.weights.resize(static_cast<size_t>(outputs * taps.pitch));
      for (int64_t i = 0; i < outputs; ++i) {
        const int64_t length = std::min(width, 1 + random.below(taps.pitch - 1));
        taps.first.push_back(static_cast<int32_t>(random.below(width - length + 1)));
        taps.length.push_back(static_cast<int32_t>(length));
        for (int64_t t = 0; t < length; ++t)  // a few sums exceed 1, to see the clipping
          taps.weights[static_cast<size_t>(i * taps.pitch + t)] =
              static_cast<int32_t>(((5 << 20) / length) >> random.below(2));
      }
      const Tensor in = random_pixels(1, width, channels, random);
      Tensor want(DType::kU8, {1, outputs, channels}), got(DType::kU8, {1, outputs, channels});
      RowArgs args{.in = in.data<uint8_t>().data(), .out = want.data<uint8_t>().data(), .channels = channels};
      resize_row_reference(args, taps);
      args.out = got.data<uint8_t>().data();
      kernel.row(args, taps);
      expect_equal_pixels(want, got, cat(kernel.name, " row"));

      const int64_t rows = 1 + random.below(9);
      const Tensor block = random_pixels(rows, width, channels, random);
      const std::vector<int32_t> weights(static_cast<size_t>(rows), static_cast<int32_t>((5 << 20) / rows));
      Tensor want_row(DType::kU8, {1, width, channels}), got_row(DType::kU8, {1, width, channels});
      ColumnArgs column{.in = block.data<uint8_t>().data(),
                        .stride = width * channels,
                        .weights = weights.data(),
                        .length = static_cast<int32_t>(rows),
                        .out = want_row.data<uint8_t>().data(),
                        .bytes = width * channels};
      resize_column_reference(column);
      column.out = got_row.data<uint8_t>().data();
      kernel.column(column);
      expect_equal_pixels(want_row, got_row, cat(kernel.name, " column"));
      if (HasFailure()) return;
    }
  }
}

TEST(Resize, WindowEqualsCroppedWhole) {
  Random random(13);
  for (int repeat = 0; repeat < 300; ++repeat) {
    const Tensor pixels = random_pixels(1 + random.below(50), 1 + random.below(50), random.below(2) ? 3 : 1, random);
    const auto window = [&](int64_t height, int64_t width) {
      Window w{.height = 1 + random.below(height), .width = 1 + random.below(width)};
      w.top = random.below(height - w.height + 1);
      w.left = random.below(width - w.width + 1);
      return w;
    };
    ResizeProblem problem{
        .source = window(pixels.dim(0), pixels.dim(1)), .height = 1 + random.below(60), .width = 1 + random.below(60)};
    problem.target = window(problem.height, problem.width);
    const Tensor want =
        crop(resize_bilinear(crop(pixels, problem.source), problem.height, problem.width), problem.target);
    expect_equal_pixels(want, resize_bilinear(pixels, problem), "window");
    if (HasFailure()) return;
  }
}

// Pixels without slack behind them: the kernels must not read past the end (address sanitizer sees it).
TEST(Resize, ReadsNothingPastTheEnd) {
  Random random(17);
  for (int64_t width = 1; width <= 12; ++width) {
    for (int64_t height = 1; height <= 4; ++height) {
      const Tensor padded = random_pixels(height, width, 3, random);
      auto exact = std::make_shared<std::vector<uint8_t>>(padded.data<uint8_t>().begin(), padded.data<uint8_t>().end());
      exact->shrink_to_fit();
      const Tensor pixels(DType::kU8, padded.shape(), exact, exact->data());
      expect_equal_pixels(resize_bilinear(padded, 5, 3), resize_bilinear(pixels, 5, 3), "exact memory");
    }
  }
}

}  // namespace

}  // namespace qat::data
