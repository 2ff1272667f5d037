// Every CUDA convolution against the CPU's reference, bit for bit.
#include <array>

#include "engine/cuda/conv/conv_compare.h"
#include "engine/cuda/conv/conv_shape.h"

namespace qat::cuda {
namespace {

using kernels::ConvProblem;
using kernels::Scales;
using kernels::Values;

// A kernel that no problem here suits would pass every test. A part of the program does not judge that.
class EveryKernelRuns : public testing::Environment {
  void TearDown() override {
    const bool all = GTEST_FLAG_GET(filter) == "*" && std::getenv("GTEST_TOTAL_SHARDS") == nullptr;
    if (!all || test_capability() == 0) return;
    for (const ConvKernel* kernel : kernels_here(conv_kernels()))
      EXPECT_TRUE(kernels_run().contains(kernel->name)) << kernel->name << " ran in no test";
  }
};
const testing::Environment* const kEveryKernelRuns = testing::AddGlobalTestEnvironment(new EveryKernelRuns);

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
