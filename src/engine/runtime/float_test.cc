// Float steps: fp32 and bf16 engines against the interpreter, with the float library and without.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/runtime/float_plain.h"

namespace qat::engine {
namespace {

// One value at a time, by the definition.
TEST(FloatPlain, ConvByHand) {
  kernels::FloatConvProblem p;
  p.x = {.n = 1, .c = 2, .h = 2, .w = 3};
  p.out_channels = 1;
  p.kernel_h = 1, p.kernel_w = 2, p.pad_right = 1;
  p.epilogue = {.activation = Activation::kClip, .p0 = 0.0f, .has_skip = true};
  const std::vector<float> x{1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6};  // NHWC
  const std::vector<float> weights{1, 10, 100, 1000};                    // [1][2][1][2]
  const std::vector<float> bias{0.5f}, skip{1, 1, 1, 1, 1, 1};
  std::vector<float> y(6, -7);
  for (int row = 0; row < 2; ++row)
    plain::conv_row(p, x.data(), weights.data(), bias.data(), skip.data(), y.data(), row);
  // (0,0): 1*1 + 3*10 + 2*100 + 4*1000 + 0.5 + 1
  EXPECT_EQ(y, (std::vector<float>{4232.5f, 6454.5f, 606.5f + 0.0f, 0, 0, 0}));
}

TEST(FloatPlain, TransposedConvIsTheAdjointOfConv) {
  // <conv(x), y> == <x, conv_transpose(y)> for the same weights, stride 2, pads 1.
  kernels::FloatConvProblem p;
  p.x = {.n = 1, .c = 3, .h = 7, .w = 5};
  p.out_channels = 4, p.kernel_h = 3, p.kernel_w = 3, p.stride_h = 2, p.stride_w = 2;
  p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = 1;
  const auto fill = [](size_t n, float a) {
    std::vector<float> v(n);
    for (size_t i = 0; i < n; ++i) v[i] = std::sin(a * static_cast<float>(i + 1));
    return v;
  };
  const std::vector<float> x = fill(105, 0.7f), w = fill(108, 1.3f),
                           y = fill(static_cast<size_t>(p.out_h() * p.out_w() * 4), 0.3f);
  std::vector<float> forward(y.size()), back(x.size());
  for (int64_t row = 0; row < p.out_h(); ++row) {
    plain::conv_row(p, x.data(), w.data(), nullptr, nullptr, forward.data(), row);
  }
  plain::TransposeProblem t{.in_channels = 4, .out_channels = 3, .in = {1, p.out_h(), p.out_w()}, .out = {1, 7, 5}};
  t.attrs.kernel = {3, 3}, t.attrs.stride = {2, 2}, t.attrs.pads = {1, 1, 1, 1};
  for (int64_t row = 0; row < 7; ++row) plain::conv_transpose_row(t, y.data(), w.data(), nullptr, back.data(), row);
  double left = 0, right = 0;
  for (size_t i = 0; i < y.size(); ++i) left += static_cast<double>(forward[i]) * y[i];
  for (size_t i = 0; i < x.size(); ++i) right += static_cast<double>(x[i]) * back[i];
  EXPECT_NEAR(left, right, 1e-4);
}

TEST(FloatPlain, SoftmaxSumsToOne) {
  const std::vector<float> x{1000, 999, -1000, 1000};
  std::vector<float> y(4);
  plain::softmax(x.data(), y.data(), 4);
  EXPECT_NEAR(y[0] + y[1] + y[2] + y[3], 1.0f, 1e-6f);
  EXPECT_NEAR(y[0] / y[1], std::exp(1.0f), 1e-5f);
}

}  // namespace
}  // namespace qat::engine
