// The table lookup against the CPU's.
#include "engine/cuda/lut/lut.h"

#include "engine/cuda/test_support.h"

namespace qat::cuda {
namespace {

TEST(CudaLut, EqualsTheCpu) {
  QAT_NEEDS_GPU();
  Random random(1);
  for (const int64_t channels : {1, 3, 4, 5, 16, 17, 64, 1000}) {
    const kernels::LutProblem problem{.channels = channels, .zero_point = 7, .pixels = 37};
    kernels::Buffer x(static_cast<size_t>(problem.pixels * kernels::pitch_of(channels))), expected(x.size());
    std::vector<uint8_t> table(256);
    for (uint8_t& value : table) value = static_cast<uint8_t>(random.below(256));
    kernels::fill_u8(x, random, kernels::Values::kRandom);
    const auto& judge = kernels::lut_kernels().back();
    judge.run(problem, {.x = x.data(), .table = table.data(), .y = expected.data()}, 0, judge.units(problem), nullptr);
    const GuardedBuffer gpu_x(to_gpu_pitch(x.data(), problem.pixels, channels)), gpu_table(table);
    for (const LutKernel* kernel : kernels_here(lut_kernels())) {
      const GuardedBuffer y(gpu_x.size());
      launch_and_wait(*kernel, problem, {.x = gpu_x.data(), .table = gpu_table.data(), .y = y.data()});
      EXPECT_TRUE(same_pixels(expected.data(), y, problem.pixels, channels)) << kernel->name << ", C " << channels;
    }
  }
}

}  // namespace
}  // namespace qat::cuda
