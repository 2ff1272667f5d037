// The product against the CPU's reference: tensors and gates, every epilogue, odd channels, extremes.
#include "engine/cuda/mul/mul.h"

#include "engine/cuda/test_support.h"

namespace qat::cuda {
namespace {

TEST(CudaMul, EqualsTheCpu) {
  QAT_NEEDS_GPU();
  Random random(3);
  int64_t index = 0;
  for (const int64_t channels : {1, 3, 4, 5, 16, 17, 64, 130}) {
    for (const auto shape : {kernels::MulShape::kSame, kernels::MulShape::kGate}) {
      for (int64_t i = 0; i < 24; ++i) {
        kernels::MulProblem p{.shape = shape, .channels = channels, .batch = 3, .pixels = 13};
        p.epilogue = kernels::make_epilogue(index++ % 24, random);
        p.a_zero_point = static_cast<int32_t>(random.below(256)), p.b_zero_point = index % 3 ? 128 : 0;
        p.scale = index % 2 ? 0.0078125f : static_cast<float>(random.uniform(0.001, 0.1));
        const int64_t pixels = p.batch * p.pixels, others = shape == kernels::MulShape::kGate ? p.batch : pixels;
        const auto values = index % 4 ? kernels::Values::kRandom : kernels::Values::kExtreme;
        kernels::Buffer a(static_cast<size_t>(pixels * kernels::pitch_of(channels)));
        kernels::Buffer b(static_cast<size_t>(others * kernels::pitch_of(channels)));
        kernels::fill_u8(a, random, values), kernels::fill_u8(b, random, values);
        const GuardedBuffer gpu_a(to_gpu_pitch(a.data(), pixels, channels));
        const GuardedBuffer gpu_b(to_gpu_pitch(b.data(), others, channels));
        check_elementwise(mul_kernels(), kernels::mul_kernels().back(), p, {.a = a.data(), .b = b.data()},
                          {.a = gpu_a.data(), .b = gpu_b.data()}, pixels, channels);
      }
    }
  }
}

}  // namespace
}  // namespace qat::cuda
