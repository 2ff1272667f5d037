// Float pools on the GPU against the CPU's: windows, strides, dilation, pads, whole images, channels of any number.
#include <cmath>

#include "engine/cuda/float_ops/float_ops.h"
#include "engine/cuda/test_support.h"
#include "engine/runtime/float_plain.h"

namespace qat::cuda {
namespace {

using kernels::FloatPool;
using kernels::FloatPoolProblem;

void compare(const FloatPoolProblem& p, Random& random) {
  std::vector<float> x(static_cast<size_t>(p.x.n * p.x.h * p.x.w * p.x.c));
  for (float& v : x) v = static_cast<float>(random.normal());
  std::vector<float> expected(static_cast<size_t>(p.x.n * p.out_h * p.out_w * p.x.c));
  for (int64_t row = 0; row < p.x.n * p.out_h; ++row) engine::plain::pool_row(p, x.data(), expected.data(), row);
  const GuardedBuffer gpu_x(x), y(expected.size() * sizeof(float));
  ASSERT_EQ(float_pool(p, FloatKind::kF32, gpu_x.data(), y.data(), nullptr), cudaSuccess);
  const std::vector<uint8_t> got = y.host();
  for (size_t i = 0; i < expected.size(); ++i) {
    float v = 0;
    std::memcpy(&v, &got[4 * i], 4);
    // Sums in float of values around 1, against the CPU's in double.
    ASSERT_NEAR(v, expected[i], 2e-6) << "kind " << static_cast<int>(p.kind) << " C " << p.x.c << " image " << p.x.h
                                      << "x" << p.x.w << " window " << p.kernel_h << "x" << p.kernel_w << " at " << i;
  }
  EXPECT_TRUE(y.guards_intact());
}

TEST(CudaFloatPool, EqualsTheCpu) {
  QAT_NEEDS_GPU();
  Random random(1);
  for (const FloatPool kind : {FloatPool::kMax, FloatPool::kAverage, FloatPool::kAverageIncludePad}) {
    for (const int64_t channels : {1, 3, 8, 20}) {
      for (int64_t i = 0; i < 10; ++i) {
        FloatPoolProblem p{.kind = kind,
                           .x = {.n = 2, .c = channels, .h = 7 + random.below(5), .w = 6 + random.below(7)}};
        p.kernel_h = 1 + random.below(4), p.kernel_w = 1 + random.below(4);
        p.stride_h = 1 + random.below(3), p.stride_w = 1 + random.below(3);
        if (kind == FloatPool::kMax) p.dilation_h = 1 + random.below(2), p.dilation_w = 1 + random.below(2);
        p.pad_top = random.below(p.kernel_h), p.pad_left = random.below(p.kernel_w);
        p.pad_bottom = random.below(p.kernel_h), p.pad_right = random.below(p.kernel_w);
        if (i < 2) {  // a global pool
          p.kernel_h = p.x.h, p.kernel_w = p.x.w;
          p.dilation_h = p.dilation_w = 1, p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = 0;
        }
        p.out_h = (p.x.h + p.pad_top + p.pad_bottom - p.dilation_h * (p.kernel_h - 1) - 1) / p.stride_h + 1;
        p.out_w = (p.x.w + p.pad_left + p.pad_right - p.dilation_w * (p.kernel_w - 1) - 1) / p.stride_w + 1;
        compare(p, random);
      }
    }
  }
}

}  // namespace
}  // namespace qat::cuda
