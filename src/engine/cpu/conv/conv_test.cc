// The reference convolution against the formula; every other kernel against the reference, bit for bit.
#include "engine/cpu/add/add.h"
#include "engine/cpu/conv/conv_cases.h"

namespace qat::kernels {
namespace {

// The formula, from plain weights, with 64-bit sums.
TEST(Conv, ReferenceIsTheFormula) {
  Random random(1);
  for (ConvProblem p : conv_problems()) {
    p.in_zero_point = 9;
    p.epilogue = {.zero_point = 128, .lo = 0, .hi = 255};
    const ConvData d = make_data(p, random, Values::kRandom, Scales::kSmall);
    const Buffer y = run_kernel(conv_kernels().back(), p, d, 1);
    const int64_t depth = p.in_channels / p.groups, out = p.out_channels / p.groups;
    for (int64_t trial = 0; trial < 200; ++trial) {
      const int64_t n = random.below(p.batch), h = random.below(p.out_h()), w = random.below(p.out_w());
      const int64_t k = random.below(p.out_channels);
      int64_t acc = 0;
      for (int64_t c = 0; c < depth; ++c)
        for (int64_t r = 0; r < p.kernel_h; ++r)
          for (int64_t s = 0; s < p.kernel_w; ++s) {
            const int64_t ih = h * p.stride_h - p.pad_top + r * p.dilation_h;
            const int64_t iw = w * p.stride_w - p.pad_left + s * p.dilation_w;
            if (ih < 0 || iw < 0 || ih >= p.in_h || iw >= p.in_w) continue;
            const int64_t at = ((n * p.in_h + ih) * p.in_w + iw) * pitch_of(p.in_channels) + k / out * depth + c;
            acc += (d.x.data()[at] - 9) * d.weights[((k * depth + c) * p.kernel_h + r) * p.kernel_w + s];
          }
      const auto i = static_cast<size_t>(k);
      const float v = std::fma(static_cast<float>(acc), d.requant.multiplier[i], d.requant.bias[i]);
      const auto expected = static_cast<int>(std::nearbyint(std::fmin(std::fmax(v, -128.0f), 127.0f))) + 128;
      const int64_t at = ((n * p.out_h() + h) * p.out_w() + w) * pitch_of(p.out_channels) + k;
      ASSERT_EQ(expected, y.data()[at]) << describe(p) << " at " << n << "," << h << "," << w << "," << k;
    }
  }
}

void compare_kernels(ConvProblem p, Random& random, Values values, Scales scales) {
  const ConvData d = make_data(p, random, values, scales);
  p.sum_bits = sum_bits(p, d.weights);
  std::vector<const ConvKernel*> kernels = testable(conv_kernels());
  std::erase_if(kernels, [&](const ConvKernel* kernel) { return kernel->supports(p) != nullptr; });
  expect_reference(p, d, kernels, {1, 3, 16});
}

// With inputs of all values, and with those that need seven bits.
void compare_all(ConvProblem p, Random& random, Values values, Scales scales) {
  compare_kernels(p, random, values, scales);
  p.in_highest = 127, p.in_zero_point = std::min(p.in_zero_point, 127);
  compare_kernels(p, random, values, scales);
}

TEST(Conv, KernelsEqualTheReference) {
  Random random(2);
  int64_t index = 0;
  for (const ConvProblem& base : conv_problems()) {
    for (const int32_t zero_point : {0, 128, 255, 57}) {
      for (const Scales scales : {Scales::kSmall, Scales::kTies}) {
        ConvProblem p = base;
        p.in_zero_point = zero_point;
        p.epilogue = make_cpu_epilogue(index++, random);
        compare_all(p, random, Values::kRandom, scales);
      }
    }
  }
}

// A rounding between convolution and skip is a convolution, stored, and an addition.
TEST(Conv, MiddleIsConvolutionThenAddition) {
  Random random(7);
  ConvProblem p{.in_channels = 24, .out_channels = 40, .in_h = 6, .in_w = 7};
  p.epilogue = {.activation = Activation::kClip, .p0 = -90.0f, .p1 = 70.5f, .zero_point = 131, .lo = 11, .hi = 250};
  for (const Middle middle : {Middle::kFirst, Middle::kSecond}) {
    const ConvData d = make_data(p, random, Values::kRandom, Scales::kSmall);
    const Buffer stored = run_kernel(conv_kernels().back(), p, d, 1);
    AddProblem add{.channels = 40, .a_zero_point = 131, .b_zero_point = 90, .a_scale = 0.7f, .b_scale = 0.9f};
    add.pixels = p.pixels();
    add.epilogue = {.activation = Activation::kClip, .lo = 0, .hi = 127};
    AddArgs args{.a = stored.data(), .b = d.skip.data()};
    if (middle == Middle::kSecond) {
      std::swap(args.a, args.b);
      std::swap(add.a_zero_point, add.b_zero_point);
    }
    Buffer expected(stored.size());
    args.y = expected.data();
    add_kernels().back().run(add, args, 0, p.pixels(), nullptr);

    ConvProblem fused = p;
    fused.epilogue = add.epilogue;
    fused.epilogue.has_skip = true;
    fused.epilogue.skip_zero_point = 90;
    fused.epilogue.skip_scale = middle == Middle::kFirst ? 0.9f : 0.7f;
    fused.epilogue.middle = middle;
    fused.epilogue.middle_scale = middle == Middle::kFirst ? 0.7f : 0.9f;
    fused.epilogue.middle_lo = -90, fused.epilogue.middle_hi = 70;  // the clip's bounds, rounded
    ASSERT_TRUE(same_bytes(expected, run_kernel(conv_kernels().back(), fused, d, 1), 40));
  }
}

// Cut for a team, the member that has most to do has little more than the others.
TEST(Conv, TeamsShareEvenly) {
  for (const int64_t kernel_size : {1, 3}) {
    for (const int members : {2, 4, 16}) {
      ConvProblem p{.in_channels = 64, .out_channels = 256, .kernel_h = kernel_size, .kernel_w = kernel_size};
      p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = kernel_size / 2;
      p.in_h = p.in_w = 56, p.sum_bits = 20, p.members = members;
      for (const ConvKernel* kernel : testable(conv_kernels())) {
        if (kernel->supports(p) || std::string_view(kernel->name).ends_with("reference")) continue;
        const int64_t units = kernel->units(cut(*kernel, p)), most = (units + members - 1) / members;
        EXPECT_GE(units, 0.85 * static_cast<double>(most * members)) << kernel->name << " of " << members;
        EXPECT_GE(units, members) << kernel->name;
      }
    }
  }
}

// The skip's buffer may be the output.
TEST(Conv, InPlaceSkip) {
  Random random(6);
  for (const auto& [channels, kernel_size] : {std::pair{64, 1}, std::pair{37, 1}, std::pair{64, 3}, std::pair{37, 3}}) {
    ConvProblem p{.in_channels = 20, .out_channels = channels, .in_highest = 127, .in_h = 9, .in_w = 11};
    p.kernel_h = p.kernel_w = kernel_size;
    p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = kernel_size / 2;
    p.epilogue = {.activation = Activation::kClip, .has_skip = true, .skip_zero_point = 3, .skip_scale = 0.75f};
    const ConvData d = make_data(p, random, Values::kRandom, Scales::kSmall);
    p.sum_bits = sum_bits(p, d.weights);
    const Buffer expected = run_kernel(conv_kernels().back(), p, d, 1);
    for (const ConvKernel* kernel : testable(conv_kernels())) {
      if (kernel->supports(p)) continue;
      Buffer packed(kernel->packed_bytes(p)), y(d.skip);
      kernel->pack(p, d.weights.data(), packed.data());
      run_split(*kernel, p,
                {.x = d.x.data(),
                 .weights = packed.data(),
                 .multiplier = d.requant.multiplier.data(),
                 .bias = d.requant.bias.data(),
                 .skip = y.data(),
                 .y = y.data()},
                2);
      ASSERT_TRUE(same_bytes(expected, y, pitch_of(channels))) << kernel->name;
    }
  }
}

TEST(Conv, ExtremeValues) {
  Random random(3);
  int64_t index = 0;
  for (const Values values : {Values::kExtreme, Values::kHigh, Values::kLow}) {
    for (const int32_t zero_point : {0, 128, 255}) {
      for (const Scales scales : {Scales::kSmall, Scales::kTies, Scales::kHuge}) {
        ConvProblem p{.in_channels = 600,
                      .out_channels = 50,
                      .kernel_h = 3,
                      .kernel_w = 3,
                      .pad_top = 1,
                      .pad_left = 1,
                      .pad_bottom = 1,
                      .pad_right = 1,
                      .in_h = 4,
                      .in_w = 5};
        p.in_zero_point = zero_point;
        p.epilogue = make_cpu_epilogue(index++, random);
        compare_all(p, random, values, scales);
      }
    }
  }
}

// Every epilogue on every height of a tile: 1 to 40 output pixels.
TEST(Conv, EveryEpilogueAndHeight) {
  Random random(4);
  for (int64_t index = 0; index < 96; ++index) {
    ConvProblem p{.in_channels = 12, .out_channels = 1 + random.below(70), .in_h = 1, .in_w = 1 + index % 40};
    p.in_zero_point = static_cast<int32_t>(random.below(256));
    p.epilogue = make_cpu_epilogue(index, random);
    compare_all(p, random, Values::kRandom, Scales::kTies);
  }
}

// Tiles of a row of outputs and of the next ones follow each other: whole and uneven ones, with each plain epilogue.
TEST(Conv, TilesOfSeveralRows) {
  Random random(8);
  for (const Middle middle : {Middle::kNone, Middle::kFirst, Middle::kSecond}) {
    for (const bool zeros : {true, false}) {
      for (const bool skip : {true, false}) {
        if (middle != Middle::kNone && !skip) continue;
        for (const int64_t width : {7, 13, 14, 15, 27, 28, 29, 41}) {
          ConvProblem p{.in_channels = 1 + random.below(70), .out_channels = 1 + random.below(80)};
          p.kernel_h = p.kernel_w = 3;
          p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = 1;
          p.batch = 2, p.in_h = 3, p.in_w = width;
          p.epilogue = {.activation = Activation::kClip, .has_skip = skip, .skip_scale = 0.75f, .middle = middle};
          p.epilogue.middle_scale = 0.6f, p.epilogue.hi = 127;
          if (!zeros) p.epilogue.zero_point = 101, p.epilogue.skip_zero_point = 128, p.epilogue.lo = 3;
          compare_all(p, random, Values::kRandom, Scales::kSmall);
        }
      }
    }
  }
}

// Rows so deep that they are multiplied in chunks, weights that a cache does not hold from tile to tile, several images
// in a block, with panels left over.
TEST(Conv, DeepRowsFarWeightsManyImages) {
  Random random(9);
  const ConvProblem pointwise{.in_channels = 1030, .out_channels = 560, .batch = 1, .in_h = 5, .in_w = 9};
  ConvProblem window{.in_channels = 260, .out_channels = 240, .kernel_h = 3, .kernel_w = 3, .batch = 4};
  window.pad_top = window.pad_left = window.pad_bottom = window.pad_right = 1;
  window.in_h = 4, window.in_w = 7;
  ConvProblem uneven = window;  // pads that lines share only in part
  uneven.in_channels = 70, uneven.pad_left = 0, uneven.pad_right = 2, uneven.dilation_h = 2, uneven.pad_top = 2;
  for (ConvProblem p : {pointwise, window, uneven}) {
    for (const int32_t zero_point : {0, 77}) {
      p.in_zero_point = zero_point;
      p.epilogue = make_cpu_epilogue(random.below(48), random);
      compare_all(p, random, Values::kRandom, Scales::kSmall);
    }
  }
}

// Bands whose lines share pads (windows.h): a last block of fewer images, several blocks of an image, lines of one
// pixel or of so few that they are gathered, no pads, pads on one side.
TEST(Conv, JoinedLines) {
  Random random(10);
  const auto problem = [](int64_t in, int64_t out, int64_t batch, int64_t height, int64_t width, int64_t pad) {
    ConvProblem p{.in_channels = in, .out_channels = out, .kernel_h = 3, .kernel_w = 3, .batch = batch};
    p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = pad;
    p.in_h = height, p.in_w = width;
    return p;
  };
  ConvProblem left = problem(20, 40, 2, 12, 15, 1), right = left;
  left.pad_left = 2, left.pad_right = 0;
  right.pad_left = 0, right.pad_right = 2;
  for (ConvProblem p :
       {problem(448, 8, 5, 26, 26, 1), problem(8, 40, 1, 40, 41, 1), problem(16, 20, 2, 9, 1, 1),
        problem(16, 20, 9, 2, 2, 1), problem(24, 33, 3, 18, 17, 0), problem(24, 33, 3, 4, 3, 0), left, right}) {
    p.in_zero_point = 41;
    p.epilogue = make_cpu_epilogue(random.below(48), random);
    compare_all(p, random, Values::kRandom, Scales::kSmall);
  }
}

TEST(Conv, RandomProblems) {
  Random random(5);
  for (int64_t index = 0; index < 300; ++index) {
    const int64_t groups = random.below(4) ? 1 : 1 + random.below(4);
    ConvProblem p{.in_channels = groups * (1 + random.below(40)),
                  .out_channels = groups * (1 + random.below(70)),
                  .groups = groups,
                  .kernel_h = 1 + random.below(4),
                  .kernel_w = 1 + random.below(4),
                  .stride_h = 1 + random.below(3),
                  .stride_w = 1 + random.below(3),
                  .dilation_h = 1 + random.below(2),
                  .dilation_w = 1 + random.below(2),
                  .pad_top = random.below(3),
                  .pad_left = random.below(3),
                  .pad_bottom = random.below(3),
                  .pad_right = random.below(3),
                  .batch = 1 + random.below(2)};
    p.in_h = 7 + random.below(9), p.in_w = 7 + random.below(30);
    p.in_zero_point = static_cast<int32_t>(random.below(256));
    p.epilogue = make_cpu_epilogue(random.below(48), random);
    compare_all(p, random, Values::kRandom, random.below(2) ? Scales::kSmall : Scales::kTies);
  }
}

}  // namespace
}  // namespace qat::kernels
