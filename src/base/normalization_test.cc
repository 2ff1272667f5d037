// Mean and deviation: how they may be spelled, and which are of pixels 0 to 255.
#include "base/normalization.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace qat {
namespace {

TEST(Normalization, NumbersInAnySpelling) {
  const std::vector<double> three{0.485, 0.456, 0.406};
  for (const char* text : {"0.485,0.456,0.406", "[0.485, 0.456, 0.406]", "(0.485 0.456\t0.406)"})
    EXPECT_EQ(numbers_in(text), three) << text;
  EXPECT_EQ(numbers_in("1e-3"), std::vector<double>{1e-3});
  EXPECT_EQ(numbers_in(""), std::vector<double>{});
  EXPECT_EQ(numbers_in("mean"), std::vector<double>{});
}

TEST(Normalization, ThoseOfBytesAreTold) {
  EXPECT_TRUE(of_bytes({123.675, 116.28, 103.53}, {1, 1, 1}));
  EXPECT_TRUE(of_bytes({0, 0, 1.5}, {1, 1, 1}));
  EXPECT_TRUE(of_bytes({0, 0, 0}, {58, 57, 57}));
  EXPECT_FALSE(of_bytes({0, 0.5, 1}, {1, 1, 1}));
  EXPECT_FALSE(of_bytes({-0.5}, {2}));
  EXPECT_FALSE(of_bytes({}, {}));
}

TEST(Normalization, AFilesOwnAreRefusedByName) {
  check_normalization({0.5}, {0.25}, "a.onnx", "do this");
  try {
    check_normalization({127.5}, {64}, "a.onnx", "do this");
    FAIL() << "a mean of 127.5 passed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kBadFile);
    EXPECT_STREQ(error.what(),
                 "a.onnx: its mean [127.5] and deviation [64] are of pixels 0 to 255, expected those of x / 255; do "
                 "this");
  }
}

}  // namespace
}  // namespace qat
