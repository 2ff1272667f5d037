// Functions of one value on the GPU against the CPU's, whatever the number of elements.
#include <cmath>

#include "base/half.h"
#include "engine/cuda/float_ops/float_ops.h"
#include "engine/cuda/test_support.h"
#include "engine/runtime/float_plain.h"

namespace qat::cuda {
namespace {

using engine::FloatFunction;

TEST(CudaFloatUnary, EqualsTheCpu) {
  QAT_NEEDS_GPU();
  Random random(1);
  for (const int64_t elements : {1, 3, 8, 21, 1000, 4103}) {
    for (const FloatFunction function : {FloatFunction::kClip, FloatFunction::kHardSwish, FloatFunction::kSigmoid}) {
      std::vector<float> x(static_cast<size_t>(elements));
      std::vector<Half> halves(x.size());
      for (size_t i = 0; i < x.size(); ++i) {
        halves[i] = to_half(static_cast<float>(random.normal() * 4));
        x[i] = to_float(halves[i]);
      }
      const GuardedBuffer f32(x), f16(halves);
      FloatUnaryOp op{.function = function, .p0 = 0, .p1 = 6, .x = f32.data(), .y = f32.data(), .elements = elements};
      ASSERT_EQ(float_unary(op, nullptr), cudaSuccess);
      op.kind = FloatKind::kF16, op.x = op.y = f16.data();
      ASSERT_EQ(float_unary(op, nullptr), cudaSuccess);
      const std::vector<uint8_t> got = f32.host(), got_halves = f16.host();
      for (size_t i = 0; i < x.size(); ++i) {
        const float expected = engine::plain::apply(function, x[i], 0, 6);
        float v = 0;
        std::memcpy(&v, &got[4 * i], 4);
        std::memcpy(&halves[i], &got_halves[2 * i], 2);
        ASSERT_NEAR(v, expected, 1e-6 * std::fabs(expected)) << name_of(function) << " " << i << " of " << elements;
        ASSERT_NEAR(to_float(halves[i]), expected, 0x1.01p-11 * std::fabs(expected) + 0x1p-25)
            << name_of(function) << " f16 " << i << " of " << elements;
      }
      EXPECT_TRUE(f32.guards_intact() && f16.guards_intact()) << elements;
    }
  }
}

}  // namespace
}  // namespace qat::cuda
