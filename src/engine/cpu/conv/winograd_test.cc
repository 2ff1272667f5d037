// Winograd kernels against the reference, bit for bit, and how far their sums reach.

#include "engine/cpu/conv/winograd.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/cpu/conv/conv_cases.h"
#include "engine/cpu/conv/conv_kernels.h"

namespace qat::kernels {
namespace {

std::vector<const ConvKernel*> winograd_kernels() {
  std::vector<const ConvKernel*> found;
  for (const ConvKernel* kernel : testable(conv_kernels()))
    if (std::string_view(kernel->name).find("winograd") != std::string_view::npos) found.push_back(kernel);
  return found;
}

ConvProblem make_problem(int64_t in_channels, int64_t out_channels, int64_t height, int64_t width) {
  ConvProblem p{.in_channels = in_channels, .out_channels = out_channels, .kernel_h = 3, .kernel_w = 3};
  p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = 1;
  p.in_h = height, p.in_w = width;
  return p;
}

void compare(ConvProblem p, Random& random, Values values, Scales scales) {
  const ConvData d = make_data(p, random, values, scales);
  p.sum_bits = sum_bits(p, d.weights);
  ASSERT_EQ(winograd_supports(p), nullptr) << describe(p) << " bits " << p.sum_bits;
  expect_reference(p, d, winograd_kernels(), {1, 2, 5});
}

// Images of every remainder by a tile, windows that reach over one, two or no borders, channels around vectors' ends.
TEST(Winograd, EqualsTheReference) {
  Random random(1);
  for (int64_t index = 0; index < 150; ++index) {
    ConvProblem p =
        make_problem(1 + random.below(80), 1 + random.below(80), 3 + random.below(20), 3 + random.below(20));
    p.pad_top = random.below(3), p.pad_left = random.below(3);
    p.pad_bottom = random.below(3), p.pad_right = random.below(3);
    p.batch = 1 + random.below(3);
    p.in_zero_point = static_cast<int32_t>(random.below(256));
    p.epilogue = make_cpu_epilogue(index, random);
    compare(p, random, Values::kRandom, random.below(2) ? Scales::kSmall : Scales::kTies);
    p.in_highest = 127, p.in_zero_point = std::min(p.in_zero_point, 127);
    compare(p, random, Values::kRandom, Scales::kTies);
  }
}

// Several blocks of tiles times several panels; blocks of one tile's height.
TEST(Winograd, SeveralBlocks) {
  Random random(2);
  for (const auto& [in_channels, out_channels, size, batch] :
       {std::array{64, 70, 40, 1}, std::array{200, 33, 30, 2}, std::array{20, 96, 7, 9}, std::array{300, 40, 14, 5}}) {
    ConvProblem p = make_problem(in_channels, out_channels, size, size + 1);
    p.batch = batch, p.in_highest = 127;
    p.epilogue = {.activation = Activation::kClip, .hi = 127};
    ConvData d = make_data(p, random, Values::kRandom, Scales::kSmall);
    for (int8_t& w : d.weights) w = static_cast<int8_t>(w / 2);  // as trained ones, small against their largest
    p.sum_bits = sum_bits(p, d.weights);
    ASSERT_EQ(winograd_supports(p), nullptr);
    expect_reference(p, d, winograd_kernels(), {1, 7});
  }
}

// Sums of 2^25 - 2 and its negative, the largest that 26 bits hold and bytes make, seen through a float output.
TEST(Winograd, LargestSums) {
  Random random(3);
  constexpr int64_t kMost = ((int64_t{1} << 25) - 1) / (9 * 255 * 128);  // channels with all of their products
  for (const int sign : {1, -1}) {
    ConvProblem p = make_problem(kMost + 1, 20, 9, 9);
    p.in_zero_point = sign > 0 ? 255 : 0;  // x - z is -255 or 255
    p.epilogue.output = Output::kF32;
    ConvData d = make_data(p, random, Values::kRandom, Scales::kSmall);
    std::memset(d.x.data(), 255 - p.in_zero_point, d.x.size());
    std::fill(d.weights.begin(), d.weights.end(), int8_t{-128});
    for (size_t k = 0; k < static_cast<size_t>(p.out_channels); ++k) {  // the last channel's: 258 in all
      int8_t* last = d.weights.data() + (k + 1) * static_cast<size_t>(p.in_channels) * 9 - 9;
      std::fill(last, last + 9, int8_t{0});
      last[0] = last[1] = -128, last[2] = -2;
    }
    std::fill(d.requant.multiplier.begin(), d.requant.multiplier.end(), 0x1p-25f);
    std::fill(d.requant.bias.begin(), d.requant.bias.end(), 0.0f);
    p.sum_bits = sum_bits(p, d.weights);
    ASSERT_EQ(p.sum_bits, 26);
    const auto expected = static_cast<float>(sign * ((1 << 25) - 2)) * 0x1p-25f;
    for (const ConvKernel* kernel : winograd_kernels()) {
      const Buffer y = run_kernel(*kernel, p, d, 1);
      float middle = 0;  // of the image, where no pad is in reach
      std::memcpy(&middle, y.data() + 4 * (4 * 9 + 4) * p.out_channels, sizeof middle);
      EXPECT_EQ(middle, expected) << kernel->name;
    }
  }
  ConvProblem p = make_problem(kMost + 1, 8, 9, 9);
  p.sum_bits = sum_bits(p, std::vector<int8_t>(static_cast<size_t>(p.out_channels * p.in_channels * 9), -128));
  EXPECT_EQ(p.sum_bits, 27);
  EXPECT_NE(winograd_supports(p), nullptr);
}

// Small images with wide pads: windows that lie in pads altogether.
TEST(Winograd, WidePads) {
  Random random(5);
  for (int64_t index = 0; index < 60; ++index) {
    ConvProblem p = make_problem(1 + random.below(40), 1 + random.below(40), 1 + random.below(3), 1 + random.below(9));
    p.pad_top = 1 + random.below(6), p.pad_left = 1 + random.below(6);
    p.pad_bottom = 1 + random.below(6), p.pad_right = 1 + random.below(6);
    p.in_zero_point = static_cast<int32_t>(random.below(256));
    p.epilogue = make_cpu_epilogue(index, random);
    compare(p, random, Values::kRandom, Scales::kTies);
  }
}

// Weights packed once serve every batch, height and width, and every team.
TEST(Winograd, PackedWeightsServeEveryShape) {
  Random random(6);
  ConvProblem p = make_problem(40, 50, 30, 31);
  p.epilogue = {.activation = Activation::kClip, .hi = 127};
  const ConvData first = make_data(p, random, Values::kRandom, Scales::kSmall);
  p.sum_bits = sum_bits(p, first.weights);
  for (const ConvKernel* kernel : winograd_kernels()) {
    Buffer packed(kernel->packed_bytes(p));
    kernel->pack(p, first.weights.data(), packed.data());
    for (const auto& [batch, height, width, members] :
         {std::array{1, 7, 7, 1}, std::array{3, 14, 15, 2}, std::array{1, 57, 4, 16}}) {
      ConvProblem q = p;
      q.batch = batch, q.in_h = height, q.in_w = width, q.members = members;
      ConvData d = make_data(q, random, Values::kRandom, Scales::kSmall);
      d.weights = first.weights, d.requant = first.requant;
      const Buffer expected = run_kernel(conv_kernels().back(), q, d, 1);
      Buffer y(expected.size());
      run_split(*kernel, cut(*kernel, q),
                {.x = d.x.data(),
                 .weights = packed.data(),
                 .multiplier = d.requant.multiplier.data(),
                 .bias = d.requant.bias.data(),
                 .y = y.data()},
                members);
      ASSERT_TRUE(same_bytes(expected, y, pitch_of(q.out_channels))) << kernel->name << " " << describe(q);
    }
  }
}

TEST(SumBits, HoldTheSignedSum) {
  ConvProblem p{.in_channels = 4, .out_channels = 2, .in_zero_point = 5, .in_highest = 15};
  // x - z in [-5, 10]: sums in [-5 * 6 - 10 * 1, 10 * 6 + 5 * 1] and [-10 * 12, 5 * 12].
  EXPECT_EQ(sum_bits(p, std::vector<int8_t>{1, 2, 3, -1, 0, 0, 0, 0}), 1 + 7);
  EXPECT_EQ(sum_bits(p, std::vector<int8_t>{0, 0, 0, 0, -3, -3, -3, -3}), 1 + 7);
  EXPECT_EQ(sum_bits(p, std::vector<int8_t>(8, 0)), 1);
}

}  // namespace
}  // namespace qat::kernels
