// The quantization arithmetic: ties, clamps, NaN, single rounding, and the accuracy of its own exponential.
#include "base/qmath.h"

#include <gtest/gtest.h>

#include <limits>

namespace qat {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Quantize, TiesGoToEven) {
  for (int q = -128; q < 127; ++q) {
    const float tie = (static_cast<float>(q) + 0.5f) * 0.25f;
    EXPECT_EQ(quantize(tie, 0.25f, 0, -128, 127), q % 2 == 0 ? q : q + 1);
    EXPECT_EQ(quantize(std::nextafterf(tie, -kInfinity), 0.25f, 0, -128, 127), q);
    EXPECT_EQ(quantize(std::nextafterf(tie, kInfinity), 0.25f, 0, -128, 127), q + 1);
  }
}

TEST(Quantize, TiesIgnoreTheParityOfTheZeroPoint) {
  EXPECT_EQ(quantize(0.5f, 1.0f, 3, 0, 255), 3);  // rne(0.5) + 3, not rne(3.5)
  EXPECT_EQ(quantize(1.5f, 1.0f, 3, 0, 255), 5);
}

TEST(Quantize, ClampsAndNeverOverflows) {
  for (const float x : {1e30f, kInfinity, 127.6f}) EXPECT_EQ(quantize(x, 1.0f, 0, -128, 127), 127);
  for (const float x : {-1e30f, -kInfinity, -128.6f}) EXPECT_EQ(quantize(x, 1.0f, 0, -128, 127), -128);
  EXPECT_EQ(quantize(-128.0f, 1.0f, 0, -127, 127), -127);
  EXPECT_EQ(quantize(std::numeric_limits<float>::quiet_NaN(), 1.0f, 0, -128, 127), -128);
  EXPECT_EQ(quantize(3.0f, std::numeric_limits<float>::denorm_min(), 0, -128, 127), 127);
  EXPECT_EQ(quantize(-1e30f, 1.0f, 128, 0, 255), 0);
}

TEST(Quantize, DividesAndDoesNotMultiply) {
  int differ = 0;
  for (int i = 1; i < 20000; ++i) {
    const float s = 0.001f * static_cast<float>(i), x = s * 10.5f;
    const auto expected = static_cast<int>(std::nearbyint(x / s));
    ASSERT_EQ(quantize(x, s, 0, -128, 127), expected);
    differ += static_cast<int>(std::nearbyint(x * (1.0f / s))) != expected ? 1 : 0;
  }
  EXPECT_GT(differ, 0);  // so the case tells the two apart
}

TEST(Quantize, ComesBackFromEveryCode) {
  for (const int zero_point : {0, 7, 128, 255}) {
    for (int q = 0; q < 256; ++q) EXPECT_EQ(quantize(dequantize(q, 0.037f, zero_point), 0.037f, zero_point, 0, 255), q);
  }
  EXPECT_EQ(scale_of_amax(127.0f), 1.0f);
}

TEST(Fma, RoundsOnce) {
  const float x = 1.0f + std::ldexp(1.0f, -12);
  EXPECT_EQ(fma_exact(x, x, -1.0f - std::ldexp(1.0f, -11)), std::ldexp(1.0f, -24));
  volatile float product = x * x;  // two roundings lose the last term
  EXPECT_EQ(product - 1.0f - std::ldexp(1.0f, -11), 0.0f);
}

TEST(Exp, RelativeErrorIsAsDocumented) {
  double worst = 0;
  for (int i = -86999; i < 87000; ++i) {
    const float x = static_cast<float>(i) * 0.001f;
    const double exact = std::exp(static_cast<double>(x));
    worst = std::max(worst, std::abs(static_cast<double>(exp_exact(x)) - exact) / exact);
  }
  EXPECT_LT(worst, 2.5e-7);
  EXPECT_EQ(exp_exact(0.0f), 1.0f);
  EXPECT_EQ(exp_exact(-1000.0f), exp_exact(-87.0f));
  EXPECT_EQ(exp_exact(1000.0f), exp_exact(87.0f));
  EXPECT_EQ(sigmoid_exact(0.0f), 0.5f);
  EXPECT_EQ(sigmoid_exact(1000.0f), 1.0f);
}

TEST(Activate, FollowsTheFormulas) {
  EXPECT_EQ(activate(-3.5f, Activation::kNone, 9, 9), -3.5f);
  EXPECT_EQ(activate(-3.5f, Activation::kClip, 0, kInfinity), 0.0f);
  EXPECT_EQ(activate(99.0f, Activation::kClip, 0, 6), 6.0f);
  EXPECT_EQ(activate(3.0f, Activation::kHardSwish, 1.0f / 6, 0), 3.0f);
  EXPECT_EQ(activate(-3.0f, Activation::kHardSwish, 1.0f / 6, 0), 0.0f);
  EXPECT_EQ(activate(1.5f, Activation::kHardSwish, 1.0f / 6, 0), 1.5f * 0.75f);
  EXPECT_NEAR(activate(2.0f, Activation::kSilu, 0.5f, 0), 2.0 / (1 + std::exp(-1.0)), 1e-6);
}

}  // namespace
}  // namespace qat
