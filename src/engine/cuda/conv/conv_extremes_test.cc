// The CUDA convolutions at the ends of what their numbers can be.
#include "engine/cuda/conv/conv_compare.h"

namespace qat::cuda {
namespace {

using kernels::ConvProblem;
using kernels::Scales;
using kernels::Values;

// Around what unit_epilogue.cuh needs: upper ends, lower ends that round to 0 or to 1, skips, and multipliers, biases
// and skip scales on both sides of 2^-90 and of infinity. 1024 channels: blocks share eight steps of depth.
TEST(CudaConvExtremes, UnitOutputs) {
  QAT_NEEDS_GPU();
  Random random(10);
  constexpr float kTiny[] = {0x1p-90f, 0x1p-91f, 0x1p-120f, 0x1p-149f, 0.0f}, kInf = HUGE_VALF;
  int64_t index = 0;
  const auto compare = [&](int64_t channels, const kernels::Epilogue& epilogue) {
    ConvProblem p = square(channels, 152, 1, 1, 13);
    p.in_zero_point = index % 3 == 0 ? 128 : 0;
    p.epilogue = epilogue;
    kernels::ConvData d = kernels::make_data(p, random, Values::kRandom, index % 4 ? Scales::kTies : Scales::kHuge);
    if (index % 6 == 5) {
      for (size_t k = 0; k < d.requant.bias.size(); k += 7) d.requant.bias[k] = kTiny[k % 5];
      for (size_t k = 3; k < d.requant.bias.size(); k += 7) d.requant.multiplier[k] = -kTiny[k % 5];
    }
    compare_all(p, d, false);
  };
  for (const float low : {0.0f, 0.5f, 0.50001f, -0.5f, 1.0f}) {
    for (const float high : {kInf, 126.5f, 127.5f, 6.0f, 254.5f}) {
      for (const bool has_skip : {false, true}) {
        for (const int64_t channels : {100, 1024}) {
          compare(channels, {.activation = Activation::kClip,
                             .p0 = low,
                             .p1 = high,
                             .has_skip = has_skip,
                             .skip_zero_point = index % 2 ? 128 : 0,
                             .skip_scale = index % 5 == 4   ? kTiny[index / 5 % 5]
                                           : index % 7 == 6 ? 0x1p101f
                                                            : 0.5f,
                             .hi = index % 2 ? 127 : 255});
        }
        ++index;
      }
    }
  }
}

TEST(CudaConvExtremes, Values) {
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

// The same over eight steps of depth, for blocks that share it, behind the epilogues that those kernels have.
TEST(CudaConvExtremes, ValuesOfEightSteps) {
  QAT_NEEDS_GPU();
  Random random(12);
  constexpr int64_t kStraight[] = {0, 1, 2, 5};  // make_epilogue's without a curve
  int64_t index = 0;
  for (const Values values : {Values::kExtreme, Values::kHigh, Values::kLow}) {
    for (const int32_t zero_point : {0, 128, 255}) {
      for (const Scales scales : {Scales::kSmall, Scales::kTies, Scales::kHuge}) {
        ConvProblem p = square(1024, 72, 1, 1, 9);
        p.in_zero_point = zero_point;
        const int64_t coding = index / 9, skip = index / 4 % 2;
        p.epilogue = kernels::make_epilogue(kStraight[index % 4] + 6 * coding + 24 * skip, random);
        compare_all(p, random, values, scales);
        ++index;
      }
    }
  }
}

}  // namespace
}  // namespace qat::cuda
