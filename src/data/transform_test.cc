// Transforms: torchvision's sizes and offsets, and what random ones must hold.
#include "data/transform.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "base/file.h"
#include "data/data_testing.h"

namespace qat::data {

namespace {

using testing::expect_equal_pixels;
using testing::random_pixels;

config::DataOptions options_of(int64_t resize, int64_t size) {
  config::DataOptions options;
  options.resize = resize;
  options.size = size;
  return options;
}

TEST(Transform, TestTransformEqualsTorchvision) {
  struct Case {
    Tensor pixels;
    int64_t resize, size;
  };
  Random random(21);
  std::vector<Case> cases = {{random_pixels(375, 500, 3, random), 256, 224}, {random_pixels(28, 28, 1, random), 0, 32},
                             {random_pixels(28, 28, 1, random), 32, 28},     {random_pixels(5, 40, 3, random), 8, 11},
                             {random_pixels(40, 5, 3, random), 4, 7},        {random_pixels(33, 21, 3, random), 21, 0},
                             {random_pixels(200, 30, 3, random), 20, 13}};
  while (cases.size() < 300) {
    const int64_t channels = random.below(2) ? 3 : 1;
    cases.push_back({random_pixels(1 + random.below(70), 1 + random.below(70), channels, random),
                     random.below(4) ? 1 + random.below(40) : 0, random.below(4) ? 1 + random.below(50) : 0});
  }
  const testing::TemporaryFolder folder;
  std::ofstream list(folder / "cases.txt"), raw(folder / "cases.raw", std::ios::binary);
  for (const Case& c : cases) {
    list << join(c.pixels.shape(), " ") << " " << c.resize << " " << c.size << "\n";
    raw.write(static_cast<const char*>(c.pixels.raw()), c.pixels.size());
  }
  list.close();
  raw.close();
  if (!testing::run_judge("transforms " + folder.path().string())) GTEST_SKIP() << "no Python with torchvision";
  std::ifstream sizes(folder / "transformed.txt");
  const std::string expected = read_file(folder / "transformed.raw");
  size_t at = 0;
  for (const Case& c : cases) {
    int64_t height = 0, width = 0;
    ASSERT_TRUE(sizes >> height >> width);
    Tensor want(DType::kU8, {height, width, c.pixels.dim(2)});
    ASSERT_LE(at + want.bytes(), expected.size());
    std::copy_n(expected.data() + at, want.bytes(), static_cast<char*>(want.raw()));
    at += want.bytes();
    const Tensor got = test_transform(options_of(c.resize, c.size))(c.pixels, random);
    expect_equal_pixels(want, got, cat(to_string(c.pixels.shape()), " resize ", c.resize, " crop ", c.size));
    if (HasFailure()) return;
  }
  EXPECT_EQ(at, expected.size());
}

TEST(Transform, NativeSizeIsTheIdentity) {
  Random random(22);
  const Tensor pixels = random_pixels(28, 28, 1, random);
  for (const auto& options : {options_of(0, 0), options_of(0, 28), options_of(28, 28)})
    EXPECT_EQ(test_transform(options)(pixels, random).raw(), pixels.raw());
}

TEST(Transform, RandomCropTakesEveryPlaceAndPadsWithZero) {
  Tensor pixels(DType::kU8, {4, 5, 1});
  for (int64_t i = 0; i < 20; ++i) pixels.data<uint8_t>()[static_cast<size_t>(i)] = static_cast<uint8_t>(100 + i);
  Random random(23);
  std::set<std::pair<int64_t, int64_t>> places;
  for (int repeat = 0; repeat < 500; ++repeat) {
    const Tensor got = random_crop(pixels, 0, 2, random);
    ASSERT_EQ(got.shape(), pixels.shape());
    int64_t top = -9, left = -9;  // from the first pixel that is not padding
    for (int64_t i = 0; i < 20 && top == -9; ++i) {
      const int value = got.data<uint8_t>()[static_cast<size_t>(i)];
      if (value == 0) continue;
      top = (value - 100) / 5 - i / 5;
      left = (value - 100) % 5 - i % 5;
    }
    places.emplace(top, left);
    for (int64_t y = 0; y < 4; ++y)
      for (int64_t x = 0; x < 5; ++x) {
        const bool inside = y + top >= 0 && y + top < 4 && x + left >= 0 && x + left < 5;
        const int64_t want = inside ? 100 + (y + top) * 5 + x + left : 0;
        ASSERT_EQ(got.data<uint8_t>()[static_cast<size_t>(y * 5 + x)], want) << top << " " << left;
      }
  }
  EXPECT_EQ(places.size(), 25u);
}

TEST(Transform, RandomResizedWindowsHaveTorchvisionsDistribution) {
  Random random(24);
  double area = 0, top = 0, aspect = 0;
  const ImageSize image{.height = 300, .width = 400};
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) {
    const Window w = random_resized_window(image, random);
    ASSERT_TRUE(w.top >= 0 && w.left >= 0 && w.height >= 1 && w.width >= 1);
    ASSERT_TRUE(w.top + w.height <= 300 && w.left + w.width <= 400);
    const double ratio = static_cast<double>(w.width) / static_cast<double>(w.height);
    ASSERT_TRUE(ratio > 0.73 && ratio < 1.37) << ratio;
    area += static_cast<double>(w.height * w.width) / (300.0 * 400.0);
    top += static_cast<double>(w.top) / 300;
    aspect += ratio;
  }
  // Means of 60,000 draws of torchvision 0.26 (deviation of the first: 0.0009); windows that do not fit are drawn
  // again, which favours small ones.
  EXPECT_NEAR(area / kDraws, 0.4332, 0.005);
  EXPECT_NEAR(top / kDraws, 0.1399, 0.003);
  EXPECT_NEAR(aspect / kDraws, 1.0466, 0.004);
}

TEST(Transform, RandomResizedWindowFallsBackToTheLegalCentre) {
  Random random(25);
  const Window wide = random_resized_window({.height = 2, .width = 1000}, random);
  EXPECT_EQ(wide.height, 2);
  EXPECT_LE(wide.width, 3);
  const Window high = random_resized_window({.height = 1000, .width = 3}, random);
  EXPECT_LE(high.height, 4);
  EXPECT_LE(high.width, 3);
  const Window one = random_resized_window({.height = 1, .width = 1}, random);
  EXPECT_EQ(one.height * one.width, 1);
}

TEST(Transform, FlipReversesRowsAndHappensHalfTheTime) {
  const Tensor pixels = Tensor::from<uint8_t>({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {2, 2, 3});
  const Tensor flipped = Tensor::from<uint8_t>({4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9}, {2, 2, 3});
  expect_equal_pixels(flipped, flip_horizontal(pixels), "flip");
  config::DataOptions options;
  options.flip = true;
  const Transform transform = train_transform(options);
  int flips = 0;
  for (uint64_t i = 0; i < 2000; ++i) {
    Random random(26, i);
    flips += transform(pixels, random).data<uint8_t>()[0] == 4;
  }
  EXPECT_NEAR(flips, 1000, 120);  // 5.4 deviations
}

TEST(Transform, ImpossibleOptionsAreRefused) {
  config::DataOptions options;
  options.augment = "mixup";
  EXPECT_NE(testing::error_of(Code::kUsage, [&] { train_transform(options); }).find("mixup"), std::string::npos);
  options.augment = "resized_crop";
  EXPECT_NE(testing::error_of(Code::kUsage, [&] { train_transform(options); }).find("DATA.SIZE"), std::string::npos);
  options.size = -1;
  testing::error_of(Code::kUsage, [&] { test_transform(options); });
  Random random(27);
  const Tensor pixels = random_pixels(8, 8, 1, random);
  testing::error_of(Code::kUsage, [&] { random_crop(pixels, 13, 2, random); });
  EXPECT_EQ(random_crop(pixels, 12, 2, random).shape(), (Shape{12, 12, 1}));
}

// 1 x 20,000,000 pixels to a shorter side of 256 would be 1.3 terabytes.
TEST(Transform, ExplosiveResizesAreRefused) {
  Random random(28);
  const Tensor thin(DType::kU8, {1, 20'000'000, 1});
  testing::error_of(Code::kBadFile, [&] { test_transform(options_of(256, 0))(thin, random); });
  EXPECT_EQ(test_transform(options_of(256, 224))(thin, random).shape(), (Shape{224, 224, 1}));
}

}  // namespace

}  // namespace qat::data
