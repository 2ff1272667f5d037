// Mean and deviation: how they may be spelled, and which are of pixels 0 to 255.
#include "base/normalization.h"

#include <gtest/gtest.h>

#include <cmath>

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
  EXPECT_EQ(numbers_in("[+0.5, -0.25; .125]"), (std::vector<double>{0.5, -0.25, 0.125}));
  EXPECT_EQ(numbers_in("tensor([0.5])"), std::vector<double>{0.5});
}

// A word is a number as a whole or none: no part of it is taken for another.
TEST(Normalization, WordsThatAreNoFiniteNumbersArePassedOver) {
  for (const char* text : {"info", "nan", "-nan", "NaN,inf", "-infinity", "[infinity]", "1e-400", "1e400", "-1e300",
                           "nan5", "0.5x", "x0.5", "v2_1", "1e", "1.2.3", "-", "+", "+-1", "e5"})
    EXPECT_EQ(numbers_in(text), std::vector<double>{}) << text;
  EXPECT_EQ(numbers_in("mean 0.5, nan, 1e-400, 0.25"), (std::vector<double>{0.5, 0.25}));
}

TEST(Normalization, OneValueIsForAllChannels) {
  EXPECT_TRUE(fits_channels({0.5}, 3));
  EXPECT_TRUE(fits_channels({0.5, 0.5, 0.5}, 3));
  EXPECT_FALSE(fits_channels({0.5, 0.5}, 3));
  EXPECT_FALSE(fits_channels({}, 3));
  EXPECT_FALSE(fits_channels({}, 0x1'0000'0000));
}

TEST(Normalization, ThoseOfBytesAreTold) {
  EXPECT_TRUE(of_bytes({123.675, 116.28, 103.53}, {1, 1, 1}));
  EXPECT_TRUE(of_bytes({0, 0, 1.5}, {1, 1, 1}));
  EXPECT_TRUE(of_bytes({0, 0, 0}, {58, 57, 57}));
  EXPECT_FALSE(of_bytes({0, 0.5, 1}, {1, 1, 1}));
  EXPECT_FALSE(of_bytes({-0.5}, {2}));
  EXPECT_FALSE(of_bytes({}, {}));
}

std::string refusal(const std::vector<double>& mean, const std::vector<double>& std) {
  try {
    check_normalization(mean, std, "a.onnx", "do this");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kBadFile);
    return error.what();
  }
  return "accepted";
}

TEST(Normalization, AFilesOwnAreRefusedByName) {
  EXPECT_EQ(refusal({0.5}, {0.25}), "accepted");
  EXPECT_EQ(
      refusal({127.5}, {64}),
      "a.onnx: its mean [127.5] and deviation [64] are of pixels 0 to 255, expected both divided by 255; do this");
  EXPECT_EQ(refusal({0.5, 0.5}, {0.25, 0}), "a.onnx: its deviation [0.25, 0] is not above 0; do this");
  for (const double std : {-0.25, 1e-60, std::nan("")}) {
    EXPECT_EQ(refusal({0.5}, {std}).find("a.onnx: its deviation ["), 0u) << std;
  }
}

}  // namespace
}  // namespace qat
