// Every float depthwise kernel against the CPU's plain convolution, within the rounding of the tensors' type.
#include "engine/cuda/float_depthwise/float_depthwise.h"

#include <algorithm>
#include <cmath>

#include "base/half.h"
#include "engine/cuda/test_support.h"
#include "engine/runtime/float_plain.h"

namespace qat::cuda {
namespace {

using kernels::FloatConvProblem;

float rounded(FloatKind kind, float x) { return kind == FloatKind::kF16 ? to_float(to_half(x)) : x; }

std::vector<float> random_floats(FloatKind kind, int64_t count, double scale, Random& random) {
  std::vector<float> x(static_cast<size_t>(count));
  for (float& v : x) v = rounded(kind, static_cast<float>(random.normal() * scale));
  return x;
}

std::vector<float> magnitudes(std::vector<float> x) {
  for (float& v : x) v = std::fabs(v);
  return x;
}

// Pixels of C floats at the GPU's pitch and type; pad channels are finite and not 0.
std::vector<uint8_t> stored(FloatKind kind, const std::vector<float>& x, int64_t channels) {
  const int64_t pitch = float_pitch(kind, channels), pixels = static_cast<int64_t>(x.size()) / channels;
  const size_t size = kind == FloatKind::kF16 ? 2 : 4;
  std::vector<uint8_t> y(static_cast<size_t>(pixels * pitch) * size);
  for (int64_t i = 0; i < pixels * pitch; ++i) {
    const int64_t c = i % pitch;
    const float v = c < channels ? x[static_cast<size_t>(i / pitch * channels + c)] : 3.0f;
    const Half half = to_half(v);
    std::memcpy(&y[static_cast<size_t>(i) * size], size == 2 ? static_cast<const void*>(&half) : &v, size);
  }
  return y;
}

float element(FloatKind kind, const std::vector<uint8_t>& y, int64_t i) {
  if (kind == FloatKind::kF16) {
    Half half;
    std::memcpy(&half, &y[static_cast<size_t>(i) * 2], 2);
    return to_float(half);
  }
  float v = 0;
  std::memcpy(&v, &y[static_cast<size_t>(i) * 4], 4);
  return v;
}

struct Layer {
  FloatConvProblem p;
  std::vector<float> x, weights, bias, skip;

  Layer(const FloatConvProblem& problem, FloatKind kind, Random& random)
      : p(problem),
        x(random_floats(kind, p.x.n * p.x.h * p.x.w * p.x.c, 2, random)),
        weights(random_floats(kind, p.x.c * p.kernel_h * p.kernel_w, 0.5, random)),
        bias(random_floats(FloatKind::kF32, p.x.c, 1, random)),
        skip(random_floats(kind, p.x.n * p.out_h() * p.out_w() * p.x.c, 2, random)) {}

  // As a layer before would have clipped it.
  void limit(float high) {
    for (float& v : x) v = std::min(v, high);
  }
  std::vector<float> cpu() const {
    std::vector<float> y(skip.size());
    for (int64_t row = 0; row < p.x.n * p.out_h(); ++row)
      engine::plain::conv_row(p, x.data(), weights.data(), bias.data(), p.epilogue.has_skip ? skip.data() : nullptr,
                              y.data(), row);
    return y;
  }
  // What the sums' errors are relative to.
  std::vector<float> magnitude() const {
    Layer all = *this;
    all.p.epilogue = {.has_skip = p.epilogue.has_skip};
    all.x = magnitudes(x), all.weights = magnitudes(weights), all.bias = magnitudes(bias), all.skip = magnitudes(skip);
    return all.cpu();
  }
};

void compare_all(const FloatConvProblem& p, FloatKind kind, Random& random) {
  Layer layer(p, kind, random);
  const GuardedBuffer x(stored(kind, layer.x, p.x.c));
  const float limit = random.below(2) ? 1.5f : std::numeric_limits<float>::infinity();
  layer.limit(limit);
  const std::vector<float> expected = layer.cpu(), magnitude = layer.magnitude();
  const GuardedBuffer plan_weights(layer.weights), plan_bias(layer.bias);
  const FloatDepthwiseProblem problem{p, kind, limit};
  const FloatDepthwiseWeights packed(problem, plan_weights.as<float>(), plan_bias.as<float>());
  // fp32 sums in another order, an activation as steep as HardSwish, then the rounding of the output.
  const double sums = 1.5 * static_cast<double>(p.kernel_h * p.kernel_w + 2) * 0x1p-23;
  const double rounding = kind == FloatKind::kF16 ? 0x1.01p-11 : 0x1p-23, least = 0x1p-24;
  for (const FloatDepthwiseKernel& kernel : float_depthwise_kernels()) {
    if (kernel.supports(problem) != nullptr) continue;
    const GuardedBuffer y(stored(kind, layer.skip, p.x.c));
    launch_and_wait<FloatDepthwiseKernel>(kernel, problem,
                                          {.x = x.data(),
                                           .weights = packed.weights.data(),
                                           .bias = reinterpret_cast<const float*>(packed.bias.data()),
                                           .skip = p.epilogue.has_skip ? y.data() : nullptr,
                                           .y = y.data()});
    const std::vector<uint8_t> got = y.host();
    const int64_t pitch = float_pitch(kind, p.x.c);
    for (int64_t i = 0; i < p.x.n * p.out_h() * p.out_w() * pitch; ++i) {
      const float v = element(kind, got, i);
      ASSERT_TRUE(std::isfinite(v)) << kernel.name << " at " << i;
      if (i % pitch >= p.x.c) continue;
      const auto at = static_cast<size_t>(i / pitch * p.x.c + i % pitch);
      ASSERT_LE(std::fabs(v - expected[at]), rounding * std::fabs(expected[at]) + sums * magnitude[at] + least)
          << kernel.name << (kind == FloatKind::kF16 ? " f16" : " f32") << " C " << p.x.c << " window " << p.kernel_h
          << "x" << p.kernel_w << " stride " << p.stride_h << "," << p.stride_w << " dilation " << p.dilation_h
          << " image " << p.x.n << "x" << p.x.h << "x" << p.x.w << " pads " << p.pad_top << "," << p.pad_left << ","
          << p.pad_bottom << "," << p.pad_right << " activation " << static_cast<int>(p.epilogue.activation) << " skip "
          << p.epilogue.has_skip << " at pixel " << i / pitch << ", channel " << i % pitch << ": expected "
          << expected[at] << ", got " << v;
    }
    ASSERT_TRUE(y.guards_intact()) << kernel.name;
  }
}

kernels::FloatEpilogue epilogue_of(int64_t index) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr kernels::FloatEpilogue kEpilogues[] = {{.activation = Activation::kClip, .p0 = 0, .p1 = 6},
                                                   {.activation = Activation::kClip, .p0 = 0, .p1 = kInfinity},
                                                   {.activation = Activation::kNone},
                                                   {.activation = Activation::kHardSwish, .p0 = 1.0f / 6.0f},
                                                   {.activation = Activation::kSilu, .p0 = 1},
                                                   {.activation = Activation::kClip, .p0 = -1.5f, .p1 = 2.5f}};
  kernels::FloatEpilogue e = kEpilogues[index % 6];
  e.has_skip = index / 6 % 2 == 1;
  return e;
}

TEST(CudaFloatDepthwise, EqualsTheCpu) {
  QAT_NEEDS_GPU();
  Random random(1);
  int64_t index = 0;
  for (const FloatKind kind : {FloatKind::kF16, FloatKind::kF32}) {
    for (const int64_t channels : {1, 3, 8, 12, 20, 32, 144}) {
      for (const int64_t kernel : {3, 5}) {
        for (const int64_t stride : {1, 2}) {
          FloatConvProblem p{.x = {.n = 2, .c = channels, .h = 7 + index % 11, .w = 6 + index % 7},
                             .out_channels = channels,
                             .groups = channels,
                             .kernel_h = kernel,
                             .kernel_w = kernel,
                             .stride_h = stride,
                             .stride_w = stride};
          p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = kernel / 2;
          p.epilogue = epilogue_of(index++);
          compare_all(p, kind, random);
        }
      }
    }
  }
}

TEST(CudaFloatDepthwise, RandomProblems) {
  QAT_NEEDS_GPU();
  Random random(2);
  for (int64_t index = 0; index < 200; ++index) {
    const int64_t channels = 1 + random.below(100), kernel = random.below(2) ? 3 : 5, stride = 1 + random.below(2);
    FloatConvProblem p{.x = {.n = 1 + random.below(3), .c = channels},
                       .out_channels = channels,
                       .groups = channels,
                       .kernel_h = kernel,
                       .kernel_w = kernel,
                       .stride_h = stride,
                       .stride_w = stride,
                       .pad_top = random.below(4),
                       .pad_left = random.below(4),
                       .pad_bottom = random.below(4),
                       .pad_right = random.below(4)};
    p.x.h = 5 + random.below(20), p.x.w = 5 + random.below(20);
    if (index % 4 == 0) {  // what only the general kernel takes
      p.kernel_h = 1 + random.below(7), p.kernel_w = 1 + random.below(7);
      p.stride_h = 1 + random.below(3), p.stride_w = 1 + random.below(3);
      p.dilation_h = 1 + random.below(3), p.dilation_w = 1 + random.below(3);
      p.x.h += 14, p.x.w += 14;  // a window fits
    }
    p.epilogue = epilogue_of(index);
    compare_all(p, index % 2 ? FloatKind::kF16 : FloatKind::kF32, random);
  }
}

}  // namespace
}  // namespace qat::cuda
