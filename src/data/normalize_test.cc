// The normalization table against torchvision, and the planes against the table.
#include "data/normalize.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/file.h"
#include "data/data_testing.h"

namespace qat::data {

namespace {

const std::vector<double> kMean = {0.485, 0.456, 0.406}, kStd = {0.229, 0.224, 0.225};

TEST(Normalize, TableEqualsTorchvisionBitForBit) {
  const testing::TemporaryFolder folder;
  if (!testing::run_judge("normalize " + folder.path().string())) GTEST_SKIP() << "no Python with torchvision";
  const std::string file = read_file(folder / "normalized.raw");
  ASSERT_EQ(file.size(), 3 * 256 * sizeof(float));
  const NormalizationTable table = normalization_table(3, kMean, kStd);
  for (size_t c = 0; c < 3; ++c)
    for (size_t x = 0; x < 256; ++x) {
      float want;
      std::memcpy(&want, file.data() + (c * 256 + x) * sizeof(float), sizeof(float));
      ASSERT_EQ(table[c][x], want) << "channel " << c << " value " << x;
    }
}

TEST(Normalize, PlanesAreTheTables) {
  Random random(31);
  for (const int64_t channels : {1, 2, 3, 4}) {
    const int64_t n = 3, height = 5, width = 7;
    Tensor images(DType::kU8, {n, height, width, channels});
    for (uint8_t& x : images.data<uint8_t>()) x = static_cast<uint8_t>(random.below(256));
    images.data<uint8_t>()[0] = 0;
    images.data<uint8_t>()[1] = 255;
    const NormalizationTable table = normalization_table(channels, {0.3}, {0.7});
    const Tensor got = normalize_nchw(images, table);
    ASSERT_EQ(got.shape(), (Shape{n, channels, height, width}));
    for (int64_t i = 0; i < got.size(); ++i) {
      const int64_t x = i % width, y = i / width % height, c = i / width / height % channels;
      const int64_t at = ((i / width / height / channels * height + y) * width + x) * channels + c;
      ASSERT_EQ(got.data<float>()[static_cast<size_t>(i)],
                table[static_cast<size_t>(c)][images.data<uint8_t>()[static_cast<size_t>(at)]]);
    }
  }
}

TEST(Normalize, NumbersMustFitTheChannels) {
  EXPECT_EQ(normalization_table(1, {}, {})[0][255], 1.0f);
  testing::error_of(Code::kUsage, [] { normalization_table(3, {0.5, 0.5}, {}); });
  testing::error_of(Code::kUsage, [] { normalization_table(1, {}, {0.0}); });
  testing::error_of(Code::kUsage, [] { normalization_table(1, {0.5, 0.5, 0.5}, {}); });
}

}  // namespace

}  // namespace qat::data
