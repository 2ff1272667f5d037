// The sum against the CPU's reference: every epilogue, odd channels, extremes.
#include "engine/cuda/add/add.h"

#include "engine/cuda/test_support.h"

namespace qat::cuda {
namespace {

TEST(CudaAdd, EqualsTheCpu) {
  QAT_NEEDS_GPU();
  Random random(2);
  int64_t index = 0;
  for (const int64_t channels : {1, 3, 4, 5, 16, 17, 64, 130}) {
    for (const auto values : {kernels::Values::kRandom, kernels::Values::kExtreme}) {
      for (int64_t i = 0; i < 24; ++i) {
        kernels::AddProblem p{.channels = channels, .pixels = 35};
        p.epilogue = kernels::make_epilogue(index++ % 24, random);
        p.a_zero_point = static_cast<int32_t>(random.below(256)), p.b_zero_point = index % 3 ? 128 : 0;
        p.a_scale = static_cast<float>(random.uniform(0.1, 3)), p.b_scale = index % 2 ? 0.5f : 1.37f;
        kernels::Buffer a(static_cast<size_t>(p.pixels * kernels::pitch_of(channels))), b(a.size());
        kernels::fill_u8(a, random, values), kernels::fill_u8(b, random, values);
        const GuardedBuffer gpu_a(to_gpu_pitch(a.data(), p.pixels, channels));
        const GuardedBuffer gpu_b(to_gpu_pitch(b.data(), p.pixels, channels));
        check_elementwise(add_kernels(), kernels::add_kernels().back(), p, {.a = a.data(), .b = b.data()},
                          {.a = gpu_a.data(), .b = gpu_b.data()}, p.pixels, channels);
      }
    }
  }
}

}  // namespace
}  // namespace qat::cuda
