// Convolutions of more tiles than blocks, launch after launch, against the GPU's reference.
#include <cstdlib>

#include "engine/cpu/conv/conv_cases.h"
#include "engine/cuda/conv/conv.h"
#include "engine/cuda/test_support.h"

namespace qat::cuda {
namespace {

using kernels::ConvProblem;
using kernels::Scales;
using kernels::Values;

// Steps and skip fill rings evenly. A sanitizer needs QAT_TEST_LAUNCHES=1 to come to an end.
class CudaConvManyTiles : public testing::TestWithParam<ConvProblem> {};

TEST_P(CudaConvManyTiles, EqualTheReference) {
  QAT_NEEDS_GPU();
  Random random(11);
  const char* fewer = std::getenv("QAT_TEST_LAUNCHES");
  const int launches = fewer == nullptr ? 6 : std::atoi(fewer);
  ConvProblem p = GetParam();
  p.batch = 12;
  p.epilogue = {.activation = Activation::kClip, .has_skip = p.kernel_h == 1, .skip_scale = 0.5f, .hi = 127};
  const kernels::ConvData d = kernels::make_data(p, random, Values::kRandom, Scales::kSmall);
  const GuardedBuffer x(to_gpu_pitch(d.x.data(), p.batch * p.in_h * p.in_w, p.in_channels));
  const GuardedBuffer skip(to_gpu_pitch(d.skip.data(), p.pixels(), p.out_channels));
  const GuardedBuffer multiplier(d.requant.multiplier), bias(d.requant.bias);
  const auto outputs = [&](const ConvKernel& kernel) {
    std::vector<uint8_t> packed(kernel.packed_bytes(p));
    kernel.pack(p, d.weights.data(), packed.data());
    const GuardedBuffer weights(packed), y(static_cast<size_t>(p.pixels() * p.out_channels));
    for (int i = 0; i < launches; ++i)
      EXPECT_EQ(kernel.launch(p,
                              {.x = x.data(),
                               .weights = weights.data(),
                               .multiplier = multiplier.as<float>(),
                               .bias = bias.as<float>(),
                               .skip = skip.data(),
                               .y = y.data()},
                              nullptr, nullptr),
                cudaSuccess);
    return y.host();
  };
  const std::vector<uint8_t> expected = outputs(conv_kernels().back());
  for (const ConvKernel* kernel : kernels_here(conv_kernels())) {
    if (kernel->supports(p)) continue;
    EXPECT_TRUE(outputs(*kernel) == expected) << kernel->name << " " << kernels::describe(p);
  }
}

ConvProblem deep(int64_t in, int64_t out, int64_t kernel) {
  ConvProblem p{.in_channels = in, .out_channels = out, .kernel_h = kernel, .kernel_w = kernel, .in_h = 60, .in_w = 60};
  p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = kernel / 2;
  return p;
}

INSTANTIATE_TEST_SUITE_P(All, CudaConvManyTiles,
                         testing::Values(deep(512, 128, 1), deep(256, 128, 1), deep(128, 64, 3)));

}  // namespace
}  // namespace qat::cuda
