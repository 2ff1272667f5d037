// Half and bfloat16: every value there and back, and rounding at every boundary between neighbours.
#include "base/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace qat {
namespace {

constexpr uint32_t kHalfInfinity = 0x7C00;
constexpr uint32_t kBFloatInfinity = 0x7F80;

float half(uint32_t bits) { return to_float(Half{static_cast<uint16_t>(bits)}); }
float bfloat(uint32_t bits) { return to_float(BFloat16{static_cast<uint16_t>(bits)}); }

TEST(Half, KnownValues) {
  EXPECT_EQ(half(0x3C00), 1.0f);
  EXPECT_EQ(half(0xC000), -2.0f);
  EXPECT_EQ(half(0x7BFF), 65504.0f);
  EXPECT_EQ(half(0x0001), std::ldexp(1.0f, -24));
  EXPECT_EQ(half(0x0400), std::ldexp(1.0f, -14));
  EXPECT_EQ(half(0xFC00), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::signbit(half(0x8000)));
  EXPECT_EQ(to_half(65519.99f).bits, 0x7BFF);
  EXPECT_EQ(to_half(65520.0f).bits, kHalfInfinity);
  EXPECT_EQ(to_half(std::ldexp(1.0f, -25)).bits, 0);  // a tie with zero
  EXPECT_EQ(to_half(std::numeric_limits<float>::denorm_min()).bits, 0);
}

TEST(Half, EveryValueComesBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float x = half(bits);
    if ((bits & 0x7FFF) > kHalfInfinity) {
      EXPECT_TRUE(std::isnan(x) && std::isnan(to_float(to_half(x)))) << bits;
    } else {
      ASSERT_EQ(to_half(x).bits, bits);
    }
  }
}

TEST(BFloat16, EveryValueComesBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float x = bfloat(bits);
    if ((bits & 0x7FFF) > kBFloatInfinity) {
      EXPECT_TRUE(std::isnan(x) && std::isnan(to_float(to_bfloat16(x)))) << bits;
    } else {
      ASSERT_EQ(to_bfloat16(x).bits, bits);
    }
  }
}

// Between two neighbours the middle goes to the even one, everything else to the nearer one: that is all of rounding.
template <class Decode, class Encode>
void expect_nearest_even(uint32_t last, Decode decode, Encode encode) {
  for (uint32_t bits = 0; bits < last; ++bits) {
    const float low = decode(bits), high = decode(bits + 1), middle = low + (high - low) / 2;
    ASSERT_EQ(encode(middle), (bits & 1) == 0 ? bits : bits + 1) << low;
    ASSERT_EQ(encode(std::nextafterf(middle, low)), bits) << low;
    ASSERT_EQ(encode(std::nextafterf(middle, high)), bits + 1) << low;
    ASSERT_EQ(encode(-middle) & 0x7FFF, encode(middle)) << low;
  }
}

TEST(Half, RoundsToNearestEven) {
  expect_nearest_even(0x7BFF, half, [](float x) { return uint32_t{to_half(x).bits}; });
}

TEST(BFloat16, RoundsToNearestEven) {
  expect_nearest_even(0x7F7F, bfloat, [](float x) { return uint32_t{to_bfloat16(x).bits}; });
}

}  // namespace
}  // namespace qat
