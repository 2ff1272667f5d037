// The reference against the reference convolution with as many groups as channels; kernels against the reference.
#include "engine/cpu/depthwise/depthwise.h"

#include "engine/cpu/conv/conv.h"
#include "engine/cpu/test_support.h"

namespace qat::kernels {
namespace {

struct Data {
  Buffer x, skip;
  std::vector<int8_t> weights;
  Requant requant;
};

int64_t out_pixels(const DepthwiseProblem& p) { return p.batch * p.out_h() * p.out_w(); }

Data make_data(const DepthwiseProblem& p, Random& random, Values values, Scales scales) {
  const int64_t taps = p.kernel_h * p.kernel_w;
  Data d{Buffer(static_cast<size_t>(p.batch * p.in_h * p.in_w * pitch_of(p.channels))),
         Buffer(static_cast<size_t>(out_pixels(p) * pitch_of(p.channels))),
         make_s8(static_cast<size_t>(p.channels * taps), random, values),
         make_requant(static_cast<size_t>(p.channels), random, scales, static_cast<double>(taps))};
  fill_u8(d.x, random, values);
  fill_u8(d.skip, random, values);
  if (p.in_highest == 127) halve(d.x);
  return d;
}

template <class KernelType>
Buffer run_kernel(const KernelType& kernel, const typename KernelType::Problem& p, const Data& d, size_t bytes,
                  int parts) {
  Buffer packed(kernel.packed_bytes(p)), y(bytes);
  kernel.pack(p, d.weights.data(), packed.data());
  run_split(kernel, p,
            {.x = d.x.data(),
             .weights = packed.data(),
             .multiplier = d.requant.multiplier.data(),
             .bias = d.requant.bias.data(),
             .skip = p.epilogue.has_skip ? d.skip.data() : nullptr,
             .y = y.data()},
            parts);
  return y;
}

void compare_kernels(const DepthwiseProblem& p, Random& random, Values values, Scales scales) {
  const Data d = make_data(p, random, values, scales);
  const int64_t pitch = output_pitch(p.epilogue, p.channels) * (p.epilogue.output == Output::kF32 ? 4 : 1);
  const auto bytes = static_cast<size_t>(out_pixels(p) * pitch);
  const Buffer expected = run_kernel(depthwise_kernels().back(), p, d, bytes, 1);
  const ConvProblem conv{.in_channels = p.channels,
                         .out_channels = p.channels,
                         .groups = p.channels,
                         .kernel_h = p.kernel_h,
                         .kernel_w = p.kernel_w,
                         .stride_h = p.stride_h,
                         .stride_w = p.stride_w,
                         .dilation_h = p.dilation_h,
                         .dilation_w = p.dilation_w,
                         .pad_top = p.pad_top,
                         .pad_left = p.pad_left,
                         .pad_bottom = p.pad_bottom,
                         .pad_right = p.pad_right,
                         .in_zero_point = p.in_zero_point,
                         .epilogue = p.epilogue,
                         .batch = p.batch,
                         .in_h = p.in_h,
                         .in_w = p.in_w};
  ASSERT_TRUE(same_bytes(run_kernel(conv_kernels().back(), conv, d, bytes, 1), expected, pitch)) << "the reference";
  for (const DepthwiseKernel* kernel : testable(depthwise_kernels())) {
    if (kernel->supports(p)) continue;
    for (const int parts : {1, 3})
      ASSERT_TRUE(same_bytes(expected, run_kernel(*kernel, p, d, bytes, parts), pitch))
          << kernel->name << " C " << p.channels << " kernel " << p.kernel_h << "x" << p.kernel_w << " stride "
          << p.stride_h << "x" << p.stride_w << " image " << p.batch << "x" << p.in_h << "x" << p.in_w << " z "
          << p.in_zero_point << " output " << static_cast<int>(p.epilogue.output) << " activation "
          << static_cast<int>(p.epilogue.activation) << " skip " << p.epilogue.has_skip;
  }
}

// With inputs of all values, and with those that need seven bits.
void compare_all(DepthwiseProblem p, Random& random, Values values, Scales scales) {
  compare_kernels(p, random, values, scales);
  p.in_highest = 127, p.in_zero_point = std::min(p.in_zero_point, 127);
  compare_kernels(p, random, values, scales);
}

TEST(Depthwise, KernelsEqualTheReference) {
  Random random(1);
  int64_t index = 0;
  for (const int64_t channels : {1, 2, 3, 5, 8, 31, 32, 33, 63, 64, 65, 96, 97, 128, 144}) {
    for (const int64_t kernel : {1, 3, 5, 7}) {
      for (const int64_t stride : {1, 2}) {
        DepthwiseProblem p{.channels = channels,
                           .kernel_h = kernel,
                           .kernel_w = kernel,
                           .stride_h = stride,
                           .stride_w = stride,
                           .pad_top = kernel / 2,
                           .pad_left = kernel / 2,
                           .pad_bottom = kernel / 2,
                           .pad_right = kernel / 2,
                           .batch = 2,
                           .in_h = 7,
                           .in_w = 9};
        p.in_zero_point = index % 3 ? static_cast<int32_t>(random.below(256)) : 128;
        p.epilogue = make_cpu_epilogue(index++, random);
        constexpr Values kValues[] = {Values::kRandom, Values::kRandom, Values::kExtreme, Values::kHigh, Values::kLow};
        compare_all(p, random, kValues[random.below(5)], random.below(2) ? Scales::kSmall : Scales::kTies);
      }
    }
  }
}

TEST(Depthwise, RandomProblems) {
  Random random(2);
  for (int64_t index = 0; index < 300; ++index) {
    DepthwiseProblem p{.channels = 1 + random.below(200),
                       .kernel_h = 1 + random.below(6),
                       .kernel_w = 1 + random.below(5),
                       .stride_h = 1 + random.below(3),
                       .stride_w = 1 + random.below(3),
                       .dilation_h = 1 + random.below(2),
                       .dilation_w = 1 + random.below(2),
                       .pad_top = random.below(4),
                       .pad_left = random.below(4),
                       .pad_bottom = random.below(4),
                       .pad_right = random.below(4),
                       .batch = 1 + random.below(2)};
    p.in_h = 11 + random.below(5), p.in_w = 9 + random.below(9);
    p.in_zero_point = static_cast<int32_t>(random.below(256));
    p.epilogue = make_cpu_epilogue(index, random);
    compare_all(p, random, Values::kRandom, random.below(2) ? Scales::kSmall : Scales::kTies);
  }
}

}  // namespace
}  // namespace qat::kernels
