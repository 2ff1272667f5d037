// Pools against the CPU's reference: windows, strides, dilation, pads, ceil_mode's extents, odd channels, extremes.
#include "engine/cuda/pool/pool.h"

#include "engine/cuda/test_support.h"

namespace qat::cuda {
namespace {

void check_pool(const kernels::PoolProblem& p, kernels::Values values, Random& random) {
  const int64_t in = p.batch * p.in_h * p.in_w, out = p.batch * p.out_h * p.out_w;
  kernels::Buffer x(static_cast<size_t>(in * kernels::pitch_of(p.channels)));
  kernels::Buffer expected(static_cast<size_t>(out * kernels::pitch_of(p.channels)));
  kernels::fill_u8(x, random, values);
  const kernels::PoolKernel& judge = kernels::pool_kernels().back();
  judge.run(p, {.x = x.data(), .y = expected.data()}, 0, judge.units(p), nullptr);
  const GuardedBuffer gpu_x(to_gpu_pitch(x.data(), in, p.channels));
  for (const PoolKernel* kernel : kernels_here(pool_kernels())) {
    if (kernel->supports(p) != nullptr) continue;
    const GuardedBuffer y(static_cast<size_t>(out * pitch_of(p.channels)));
    launch_and_wait(*kernel, p, {.x = gpu_x.data(), .y = y.data()});
    EXPECT_TRUE(same_pixels(expected.data(), y, out, p.channels))
        << kernel->name << ", C " << p.channels << ", " << p.in_h << "x" << p.in_w << ", kernel " << p.kernel_h << "x"
        << p.kernel_w << ", stride " << p.stride_h;
  }
}

TEST(CudaPool, WindowsEqualTheCpu) {
  QAT_NEEDS_GPU();
  Random random(4);
  for (const auto kind : {kernels::Pool::kMax, kernels::Pool::kAverage}) {
    for (const int64_t channels : {1, 3, 4, 5, 16, 17, 64}) {
      for (int64_t i = 0; i < 8; ++i) {
        kernels::PoolProblem p{.kind = kind, .channels = channels, .scale = random.uniform(0.3, 2.0)};
        p.kernel_h = 1 + random.below(4), p.kernel_w = 1 + random.below(4);
        p.stride_h = 1 + random.below(3), p.stride_w = 1 + random.below(3);
        if (kind == kernels::Pool::kMax) p.dilation_h = 1 + random.below(2), p.dilation_w = 1 + random.below(2);
        p.pad_top = random.below(p.kernel_h), p.pad_left = random.below(p.kernel_w);
        p.pad_bottom = random.below(p.kernel_h), p.pad_right = random.below(p.kernel_w);
        p.count_include_pad = random.below(2) == 1;
        p.batch = 2, p.in_h = 9 + random.below(5), p.in_w = 8 + random.below(7);
        p.out_h = (p.in_h + p.pad_top + p.pad_bottom - p.dilation_h * (p.kernel_h - 1) - 1) / p.stride_h + 1;
        p.out_w = (p.in_w + p.pad_left + p.pad_right - p.dilation_w * (p.kernel_w - 1) - 1) / p.stride_w + 1;
        p.in_zero_point = i % 2 ? 128 : 0;
        p.zero_point = kind == kernels::Pool::kMax ? p.in_zero_point : 77;
        check_pool(p, i % 3 ? kernels::Values::kRandom : kernels::Values::kExtreme, random);
      }
    }
  }
}

TEST(CudaPool, WholeImagesEqualTheCpu) {
  QAT_NEEDS_GPU();
  Random random(5);
  for (const int64_t channels : {1, 3, 5, 16, 65, 2048}) {
    for (const int64_t extent : {1, 7, 8, 33}) {
      for (const auto values : {kernels::Values::kRandom, kernels::Values::kHigh, kernels::Values::kLow}) {
        kernels::PoolProblem p{.kind = kernels::Pool::kGlobal, .channels = channels, .scale = random.uniform(0.3, 2)};
        p.batch = 3, p.in_h = extent, p.in_w = extent + 1;
        p.in_zero_point = extent % 2 ? 128 : 0, p.zero_point = 128;
        check_pool(p, values, random);
      }
    }
  }
}

}  // namespace
}  // namespace qat::cuda
