// Every CUDA convolution against the CPU's reference, bit for bit.
#include <array>

#include "engine/cpu/conv/conv_cases.h"
#include "engine/cuda/conv/conv_shape.h"
#include "engine/cuda/test_support.h"

namespace qat::cuda {
namespace {

using kernels::ConvProblem;
using kernels::Scales;
using kernels::Values;

// The output of `got` against the CPU's bytes.
::testing::AssertionResult same_output(const ConvProblem& p, const kernels::Buffer& expected,
                                       const GuardedBuffer& got) {
  if (p.epilogue.output == kernels::Output::kU8) return same_pixels(expected.data(), got, p.pixels(), p.out_channels);
  const std::vector<uint8_t> host = got.host();
  if (!got.guards_intact()) return ::testing::AssertionFailure() << "bytes outside the output changed";
  for (size_t i = 0; i < host.size(); ++i)
    if (host[i] != expected.data()[i])
      return ::testing::AssertionFailure()
             << "float " << i / 4 << ": pixel " << static_cast<int64_t>(i / 4) / p.out_channels << ", channel "
             << static_cast<int64_t>(i / 4) % p.out_channels;
  return ::testing::AssertionSuccess();
}

// Runs every kernel that supports the problem; the skip's buffer is the output where `in_place`.
void compare_all(const ConvProblem& p, const kernels::ConvData& d, bool in_place) {
  const kernels::Buffer expected = kernels::run_kernel(kernels::conv_kernels().back(), p, d, 1);
  const GuardedBuffer x(to_gpu_pitch(d.x.data(), p.batch * p.in_h * p.in_w, p.in_channels));
  const std::vector<uint8_t> skip = to_gpu_pitch(d.skip.data(), p.pixels(), p.out_channels);
  const GuardedBuffer multiplier(d.requant.multiplier), bias(d.requant.bias);
  const bool floats = p.epilogue.output == kernels::Output::kF32;
  const int64_t y_bytes = p.pixels() * (floats ? p.out_channels * 4 : pitch_of(p.out_channels));
  for (const ConvKernel* kernel : kernels_here(conv_kernels())) {
    if (kernel->supports(p)) continue;
    std::vector<uint8_t> packed(kernel->packed_bytes(p));
    kernel->pack(p, d.weights.data(), packed.data());
    const GuardedBuffer weights(packed), gpu_skip(skip), other(static_cast<size_t>(y_bytes));
    const GuardedBuffer& y = in_place ? gpu_skip : other;
    launch_and_wait(*kernel, p,
                    {.x = x.data(),
                     .weights = weights.data(),
                     .multiplier = multiplier.as<float>(),
                     .bias = bias.as<float>(),
                     .skip = p.epilogue.has_skip ? gpu_skip.data() : nullptr,
                     .y = y.data()});
    ASSERT_TRUE(same_output(p, expected, y)) << kernel->name << " " << kernels::describe(p);
  }
}

void compare_all(const ConvProblem& p, Random& random, Values values, Scales scales, bool in_place = false) {
  compare_all(p, kernels::make_data(p, random, values, scales), in_place);
}

ConvProblem square(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t extent) {
  ConvProblem p{.in_channels = in,
                .out_channels = out,
                .kernel_h = kernel,
                .kernel_w = kernel,
                .stride_h = stride,
                .stride_w = stride,
                .batch = 1,
                .in_h = extent,
                .in_w = extent};
  p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = kernel / 2;
  return p;
}

// Rows of 32 outputs go to distinct places, and a block's weights are where the depth order says. No GPU needed.
TEST(CudaConv, PackedForm) {
  ConvProblem p = square(24, 48, 3, 1, 5);
  p.groups = 2, p.in_zero_point = 3;
  const ConvShape shape(p);
  EXPECT_EQ(shape.blocks, 1);  // 12 channels a group are not whole units
  EXPECT_EQ(shape.depth, 9 * 32);
  std::vector<int8_t> weights(48 * 12 * 9);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<int8_t>(i % 251 - 125);
  std::vector<uint8_t> packed(shape.packed_bytes());
  mma_pack(p, weights.data(), packed.data());
  const auto* rows = reinterpret_cast<const int8_t*>(packed.data() + shape.weights_offset());
  const auto* start = reinterpret_cast<const int32_t*>(packed.data() + shape.start_offset());
  for (int64_t k = 0; k < 48; ++k) {
    const int64_t row = k / 32 * 32 + packed_row(k % 32), first = k / 24 * 12;
    int32_t sum = 0;
    for (int64_t c = 0; c < 24; ++c)
      for (int64_t t = 0; t < 9; ++t) {
        const bool same_group = c >= first && c < first + 12;
        const int expected = same_group ? weights[static_cast<size_t>((k * 12 + c - first) * 9 + t)] : 0;
        ASSERT_EQ(rows[row * shape.row_bytes + t * 32 + c], expected) << k << " " << c << " " << t;
        sum += expected;
      }
    EXPECT_EQ(start[k], -3 * sum);
  }
}

TEST(CudaConv, EqualsTheCpu) {
  QAT_NEEDS_GPU();
  Random random(2);
  int64_t index = 0;
  for (const ConvProblem& base : kernels::conv_problems()) {
    for (const int32_t zero_point : {0, 128, 57}) {
      ConvProblem p = base;
      p.in_zero_point = zero_point;
      p.epilogue = kernels::make_epilogue(index++, random);
      compare_all(p, random, Values::kRandom, zero_point == 57 ? Scales::kTies : Scales::kSmall);
    }
  }
}

// Several tiles each way, the networks' windows, and depths that are not whole steps.
TEST(CudaConv, LargerProblems) {
  QAT_NEEDS_GPU();
  Random random(7);
  int64_t index = 0;
  for (ConvProblem p : {square(64, 64, 3, 1, 14), square(80, 200, 1, 1, 15), square(256, 128, 3, 2, 14),
                        square(512, 512, 3, 1, 7), square(48, 288, 1, 1, 28), square(1024, 100, 1, 2, 14),
                        square(112, 130, 5, 1, 13), square(960, 160, 1, 1, 7)}) {
    for (const int64_t batch : {1, 3}) {
      p.batch = batch;
      p.in_zero_point = batch == 1 ? 0 : 128;
      p.epilogue = kernels::make_epilogue(index, random);
      p.epilogue.has_skip = index++ % 2 == 0;
      compare_all(p, random, Values::kRandom, Scales::kSmall,
                  p.epilogue.has_skip && p.epilogue.output == kernels::Output::kU8);
    }
  }
}

TEST(CudaConv, Groups) {
  QAT_NEEDS_GPU();
  Random random(8);
  int64_t index = 0;
  struct Case {
    int64_t channels, out, groups;
  };
  for (const Case& c :
       {Case{128, 128, 32}, Case{256, 256, 32}, Case{48, 96, 3}, Case{64, 64, 4}, Case{96, 96, 6}, Case{160, 320, 2}}) {
    for (const int64_t stride : {1, 2}) {
      ConvProblem p = square(c.channels, c.out, 3, stride, 11);
      p.groups = c.groups, p.batch = 2, p.in_zero_point = stride == 1 ? 0 : 99;
      p.epilogue = kernels::make_epilogue(index += 5, random);
      compare_all(p, random, Values::kRandom, Scales::kTies);
    }
  }
}

// Windows as the copy engine walks them: every pad different, strides, dilation, whole boxes of 128 and of 64 bytes of
// channels, more than one tile of pixels.
TEST(CudaConv, Windows) {
  QAT_NEEDS_GPU();
  Random random(9);
  for (int64_t index = 0; index < 24; ++index) {
    ConvProblem p{.in_channels = std::array{128, 250, 64, 180}[static_cast<size_t>(index % 4)],
                  .out_channels = 40 + random.below(300),
                  .kernel_h = 1 + random.below(4),
                  .kernel_w = 1 + random.below(4),
                  .stride_h = 1 + random.below(3),
                  .stride_w = 1 + random.below(3),
                  .dilation_h = 1 + random.below(3),
                  .dilation_w = 1 + random.below(3),
                  .pad_top = random.below(4),
                  .pad_left = random.below(4),
                  .pad_bottom = random.below(4),
                  .pad_right = random.below(4),
                  .batch = 1 + random.below(4),
                  .in_h = 11 + random.below(12),
                  .in_w = 11 + random.below(12)};
    p.epilogue = kernels::make_epilogue(index % 3, random);
    p.epilogue.has_skip = index % 3 == 2;
    compare_all(p, random, Values::kRandom, Scales::kSmall);
  }
}

// Around what unit_epilogue.cuh needs: upper ends, lower ends that round to 0 or to 1, skips, and multipliers, biases
// and skip scales on both sides of 2^-90 and of infinity.
TEST(CudaConv, UnitOutputs) {
  QAT_NEEDS_GPU();
  Random random(10);
  constexpr float kTiny[] = {0x1p-90f, 0x1p-91f, 0x1p-120f, 0x1p-149f, 0.0f}, kInf = HUGE_VALF;
  int64_t index = 0;
  for (const float low : {0.0f, 0.5f, 0.50001f, -0.5f, 1.0f}) {
    for (const float high : {kInf, 126.5f, 127.5f, 6.0f, 254.5f}) {
      for (const bool has_skip : {false, true}) {
        ConvProblem p = square(100, 152, 1, 1, 13);
        p.in_zero_point = index % 3 == 0 ? 128 : 0;
        p.epilogue = {.activation = Activation::kClip,
                      .p0 = low,
                      .p1 = high,
                      .has_skip = has_skip,
                      .skip_zero_point = index % 2 ? 128 : 0,
                      .skip_scale = index % 5 == 4   ? kTiny[index / 5 % 5]
                                    : index % 7 == 6 ? 0x1p101f
                                                     : 0.5f,
                      .hi = index % 2 ? 127 : 255};
        kernels::ConvData d = kernels::make_data(p, random, Values::kRandom, index % 4 ? Scales::kTies : Scales::kHuge);
        if (index % 6 == 5) {
          for (size_t k = 0; k < d.requant.bias.size(); k += 7) d.requant.bias[k] = kTiny[k % 5];
          for (size_t k = 3; k < d.requant.bias.size(); k += 7) d.requant.multiplier[k] = -kTiny[k % 5];
        }
        compare_all(p, d, false);
        ++index;
      }
    }
  }
}

TEST(CudaConv, ExtremeValues) {
  QAT_NEEDS_GPU();
  Random random(3);
  int64_t index = 0;
  for (const Values values : {Values::kExtreme, Values::kHigh, Values::kLow}) {
    for (const int32_t zero_point : {0, 128, 255}) {
      for (const Scales scales : {Scales::kSmall, Scales::kHuge}) {
        ConvProblem p = square(600, 50, 3, 1, 5);
        p.in_zero_point = zero_point;
        p.epilogue = kernels::make_epilogue(index++, random);
        compare_all(p, random, values, scales);
      }
    }
  }
}

TEST(CudaConv, EveryEpilogueAndHeight) {
  QAT_NEEDS_GPU();
  Random random(4);
  for (int64_t index = 0; index < 96; ++index) {
    ConvProblem p{.in_channels = 12, .out_channels = 1 + random.below(70), .in_h = 1, .in_w = 1 + index % 40};
    p.in_zero_point = static_cast<int32_t>(random.below(256));
    p.epilogue = kernels::make_epilogue(index, random);
    compare_all(p, random, Values::kRandom, Scales::kTies);
  }
}

TEST(CudaConv, RandomProblems) {
  QAT_NEEDS_GPU();
  Random random(5);
  for (int64_t index = 0; index < 150; ++index) {
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
    p.in_h = 7 + random.below(9), p.in_w = 7 + random.below(9);
    p.in_zero_point = static_cast<int32_t>(random.below(256));
    p.epilogue = kernels::make_epilogue(random.below(48), random);
    compare_all(p, random, Values::kRandom, random.below(2) ? Scales::kSmall : Scales::kTies);
  }
}

}  // namespace
}  // namespace qat::cuda
