// Concatenation against the CPU's reference: copies and requantized parts, odd channels.
#include "engine/cuda/concat/concat.h"

#include "engine/cuda/test_support.h"

namespace qat::cuda {
namespace {

TEST(CudaConcat, EqualsTheCpu) {
  QAT_NEEDS_GPU();
  Random random(6);
  const std::vector<std::vector<int64_t>> all{{3, 5}, {16, 16, 32}, {1, 1, 1}, {130, 7}, {64}};
  for (const std::vector<int64_t>& channels : all) {
    std::vector<kernels::ConcatInput> inputs;
    for (size_t i = 0; i < channels.size(); ++i) {
      inputs.push_back({channels[i], i % 2 ? 128 : 0, i % 2 ? 0.77f : 1.0f});
    }
    const kernels::ConcatProblem p{.inputs = inputs, .zero_point = 0, .lo = 0, .hi = 127, .pixels = 29};
    std::vector<kernels::Buffer> x;
    std::vector<GuardedBuffer> gpu_x;
    std::vector<const uint8_t*> pointers, gpu_pointers;
    for (const int64_t c : channels) {
      x.emplace_back(static_cast<size_t>(p.pixels * kernels::pitch_of(c)));
      kernels::fill_u8(x.back(), random, kernels::Values::kRandom);
      gpu_x.emplace_back(to_gpu_pitch(x.back().data(), p.pixels, c));
    }
    for (size_t i = 0; i < x.size(); ++i) pointers.push_back(x[i].data()), gpu_pointers.push_back(gpu_x[i].data());
    kernels::Buffer expected(static_cast<size_t>(p.pixels * kernels::pitch_of(p.channels())));
    const kernels::ConcatKernel& judge = kernels::concat_kernels().back();
    judge.run(p, {.x = pointers.data(), .y = expected.data()}, 0, judge.units(p), nullptr);
    for (const ConcatKernel* kernel : kernels_here(concat_kernels())) {
      const GuardedBuffer y(static_cast<size_t>(p.pixels * pitch_of(p.channels())));
      launch_and_wait(*kernel, p, {.x = gpu_pointers.data(), .y = y.data()});
      EXPECT_TRUE(same_pixels(expected.data(), y, p.pixels, p.channels())) << kernel->name;
    }
  }
}

}  // namespace
}  // namespace qat::cuda
