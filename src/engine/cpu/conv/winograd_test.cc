// Winograd kernels against the reference, bit for bit, and how far their sums reach.

#include "engine/cpu/conv/winograd.h"

#include <array>

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
  const Buffer expected = run_kernel(conv_kernels().back(), p, d, 1);
  const int64_t pitch = output_pitch(p.epilogue, p.out_channels) * (p.epilogue.output == Output::kF32 ? 4 : 1);
  for (const ConvKernel* kernel : winograd_kernels()) {
    ASSERT_EQ(kernel->supports(p), nullptr) << describe(p) << " bits " << p.sum_bits;
    for (const int parts : {1, 2, 5})
      ASSERT_TRUE(same_bytes(expected, run_kernel(*kernel, p, d, parts), pitch))
          << kernel->name << " " << describe(p) << " parts " << parts;
  }
}

// Images of every remainder by a tile, windows that reach over one, two or no borders, channels around vectors' ends.
TEST(Winograd, EqualsTheReference) {
  Random random(1);
  for (int64_t index = 0; index < 150; ++index) {
    ConvProblem p =
        make_problem(1 + random.below(80), 1 + random.below(80), 3 + random.below(20), 3 + random.below(20));
    p.pad_top = random.below(3), p.pad_left = random.below(3);
    p.pad_bottom = random.below(3), p.pad_right = random.below(3);
    p.batch = 1 + random.below(3), p.members = 1 + random.below(5);
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
    const Buffer expected = run_kernel(conv_kernels().back(), p, d, 1);
    for (const ConvKernel* kernel : winograd_kernels()) {
      ASSERT_EQ(kernel->supports(p), nullptr);
      for (const int parts : {1, 7})
        ASSERT_TRUE(same_bytes(expected, run_kernel(*kernel, p, d, parts), pitch_of(p.out_channels)))
            << kernel->name << " " << describe(p);
    }
  }
}

// The most channels of the largest inputs and weights whose sums 26 bits hold, and one more.
TEST(Winograd, LargestSums) {
  Random random(3);
  constexpr int64_t kMost = ((int64_t{1} << 25) - 1) / (9 * 255 * 128);
  for (const Values values : {Values::kHigh, Values::kLow, Values::kExtreme}) {
    for (const int32_t zero_point : {0, 255, 128}) {
      ConvProblem p = make_problem(kMost, 40, 9, 9);
      p.in_zero_point = zero_point;
      p.epilogue = make_cpu_epilogue(zero_point, random);
      compare(p, random, values, Scales::kSmall);
    }
  }
  ConvProblem p = make_problem(kMost + 1, 8, 9, 9);
  p.sum_bits = sum_bits(p, std::vector<int8_t>(static_cast<size_t>(p.out_channels * p.in_channels * 9), -128));
  EXPECT_EQ(p.sum_bits, 27);
  EXPECT_NE(winograd_supports(p), nullptr);
}

// The skip's buffer may be the output.
TEST(Winograd, InPlaceSkip) {
  Random random(4);
  for (const int64_t channels : {64, 37}) {
    ConvProblem p = make_problem(20, channels, 9, 11);
    p.epilogue = {.activation = Activation::kClip, .has_skip = true, .skip_zero_point = 3, .skip_scale = 0.75f};
    const ConvData d = make_data(p, random, Values::kRandom, Scales::kSmall);
    p.sum_bits = sum_bits(p, d.weights);
    const Buffer expected = run_kernel(conv_kernels().back(), p, d, 1);
    for (const ConvKernel* kernel : winograd_kernels()) {
      ConvData place = d;
      Buffer packed(kernel->packed_bytes(p));
      kernel->pack(p, d.weights.data(), packed.data());
      run_split(*kernel, p,
                {.x = d.x.data(),
                 .weights = packed.data(),
                 .multiplier = d.requant.multiplier.data(),
                 .bias = d.requant.bias.data(),
                 .skip = place.skip.data(),
                 .y = place.skip.data()},
                2);
      ASSERT_TRUE(same_bytes(expected, place.skip, pitch_of(channels))) << kernel->name;
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
