// Every CUDA depthwise kernel against the CPU's reference, bit for bit.
#include "engine/cuda/depthwise/depthwise.h"

#include "engine/cuda/test_support.h"

namespace qat::cuda {
namespace {

using kernels::Buffer;
using kernels::DepthwiseProblem;
using kernels::Values;

void compare_all(const DepthwiseProblem& p, Random& random, Values values, kernels::Scales scales) {
  const bool floats = p.epilogue.output == kernels::Output::kF32;
  const int64_t pixels = p.batch * p.out_h() * p.out_w(), taps = p.kernel_h * p.kernel_w;
  Buffer x(static_cast<size_t>(p.batch * p.in_h * p.in_w * kernels::pitch_of(p.channels)));
  Buffer skip(static_cast<size_t>(pixels * kernels::pitch_of(p.channels)));
  Buffer expected(static_cast<size_t>(pixels * (floats ? p.channels * 4 : kernels::pitch_of(p.channels))));
  kernels::fill_u8(x, random, values);
  kernels::fill_u8(skip, random, values);
  const std::vector<int8_t> weights = kernels::make_s8(static_cast<size_t>(p.channels * taps), random, values);
  const kernels::Requant requant =
      kernels::make_requant(static_cast<size_t>(p.channels), random, scales, static_cast<double>(taps));
  const auto& judge = kernels::depthwise_kernels().back();
  judge.run(p,
            {.x = x.data(),
             .weights = weights.data(),  // as they are: the reference's packed form
             .multiplier = requant.multiplier.data(),
             .bias = requant.bias.data(),
             .skip = skip.data(),
             .y = expected.data()},
            0, judge.units(p), nullptr);
  const GuardedBuffer gpu_x(to_gpu_pitch(x.data(), p.batch * p.in_h * p.in_w, p.channels));
  const GuardedBuffer gpu_skip(to_gpu_pitch(skip.data(), pixels, p.channels));
  const GuardedBuffer multiplier(requant.multiplier), bias(requant.bias);
  for (const DepthwiseKernel* kernel : kernels_here(depthwise_kernels())) {
    if (kernel->supports(p)) continue;
    std::vector<uint8_t> packed(kernel->packed_bytes(p));
    kernel->pack(p, weights.data(), packed.data());
    const GuardedBuffer gpu_weights(packed);
    const GuardedBuffer y(static_cast<size_t>(pixels * (floats ? p.channels * 4 : pitch_of(p.channels))));
    launch_and_wait(*kernel, p,
                    {.x = gpu_x.data(),
                     .weights = gpu_weights.data(),
                     .multiplier = multiplier.as<float>(),
                     .bias = bias.as<float>(),
                     .skip = gpu_skip.data(),
                     .y = y.data()});
    const auto where = [&] {
      return ::testing::Message() << kernel->name << " C " << p.channels << " window " << p.kernel_h << "x"
                                  << p.kernel_w << " stride " << p.stride_h << " image " << p.batch << "x" << p.in_h
                                  << "x" << p.in_w << " z " << p.in_zero_point << " pads " << p.pad_top << ","
                                  << p.pad_left << " floats " << floats << " skip " << p.epilogue.has_skip;
    };
    if (floats) {
      ASSERT_EQ(std::memcmp(expected.data(), y.host().data(), expected.size()), 0) << where();
      ASSERT_TRUE(y.guards_intact()) << where();
    } else {
      ASSERT_TRUE(same_pixels(expected.data(), y, pixels, p.channels)) << where();
    }
  }
}

TEST(CudaDepthwise, EqualsTheCpu) {
  QAT_NEEDS_GPU();
  Random random(1);
  int64_t index = 0;
  for (const int64_t channels : {1, 3, 5, 16, 33, 64, 96, 144}) {
    for (const int64_t kernel : {1, 3, 5, 7}) {
      for (const int64_t stride : {1, 2}) {
        DepthwiseProblem p{.channels = channels,
                           .kernel_h = kernel,
                           .kernel_w = kernel,
                           .stride_h = stride,
                           .stride_w = stride,
                           .batch = 2,
                           .in_h = 7 + index % 5,
                           .in_w = 9 + index % 4};
        p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = kernel / 2;
        p.in_zero_point = index % 3 ? static_cast<int32_t>(random.below(256)) : 128;
        p.epilogue = kernels::make_epilogue(index++, random);
        constexpr Values kValues[] = {Values::kRandom, Values::kRandom, Values::kExtreme, Values::kHigh, Values::kLow};
        compare_all(p, random, kValues[random.below(5)],
                    random.below(2) ? kernels::Scales::kSmall : kernels::Scales::kTies);
      }
    }
  }
}

TEST(CudaDepthwise, RandomProblems) {
  QAT_NEEDS_GPU();
  Random random(2);
  for (int64_t index = 0; index < 200; ++index) {
    const int64_t kernel = random.below(2) ? 3 : 5, stride = 1 + random.below(2);
    DepthwiseProblem p{.channels = 1 + random.below(200),
                       .kernel_h = kernel,
                       .kernel_w = kernel,
                       .stride_h = stride,
                       .stride_w = stride,
                       .pad_top = random.below(4),
                       .pad_left = random.below(4),
                       .pad_bottom = random.below(4),
                       .pad_right = random.below(4),
                       .batch = 1 + random.below(2)};
    p.in_h = 5 + random.below(12), p.in_w = 5 + random.below(12);
    p.in_zero_point = static_cast<int32_t>(random.below(256));
    p.epilogue = kernels::make_epilogue(index, random);
    compare_all(p, random, Values::kRandom, random.below(2) ? kernels::Scales::kSmall : kernels::Scales::kTies);
  }
}

}  // namespace
}  // namespace qat::cuda
