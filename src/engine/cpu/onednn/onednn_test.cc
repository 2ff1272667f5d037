// The oneDNN plugin against plain loops in double: every op, both layouts, f32 and bf16.
#include <gtest/gtest.h>

#include <cmath>

#include "base/half.h"
#include "base/plugin.h"
#include "base/random.h"
#include "base/text.h"
#include "engine/cpu/float_ops.h"

namespace qat::kernels {
namespace {

FloatBackend& backend() { return plugin<FloatBackend>(kFloatPlugin, kFloatPluginRemedy); }

// Tensors are kept as plain f32 NCHW; the plugin's own reorder (tested first) moves them into its layouts.
using Plain = std::vector<float>;

size_t count(const FloatTensor& t) { return static_cast<size_t>(t.n * t.c * t.h * t.w); }

Plain random_plain(const FloatTensor& t, Random& random) {
  Plain x(count(t));
  for (float& v : x) v = to_float(to_bfloat16(static_cast<float>(random.uniform(-2.0, 2.0))));
  return x;
}

std::vector<uint8_t> aligned_bytes(size_t bytes) { return std::vector<uint8_t>(bytes + 64); }

void run(FloatStep& step, const FloatArgs& args) {
  std::vector<uint8_t> scratch = aligned_bytes(step.scratch_bytes() + 64);
  void* p = scratch.data();
  size_t space = scratch.size();
  step.run(args, std::align(64, step.scratch_bytes(), p, space));
}

std::vector<uint8_t> to_layout(const FloatTensor& t, const Plain& x) {
  std::vector<uint8_t> y = aligned_bytes(t.bytes());
  run(*backend().reorder({.from = t, .to = t, .from_plain = FloatPlain::kNchw}, 1),
      {.inputs = {x.data()}, .y = y.data()});
  return y;
}

Plain from_layout(const FloatTensor& t, const std::vector<uint8_t>& x) {
  Plain y(count(t));
  run(*backend().reorder({.from = t, .to = t, .to_plain = FloatPlain::kNchw}, 1),
      {.inputs = {x.data()}, .y = y.data()});
  return y;
}

// The largest difference in units of the tolerance: `depth` products of at most 4, rounded in f32 or stored in bf16.
void expect_close(const Plain& expected, const Plain& got, FloatType type, double depth, const std::string& what) {
  const double relative = type == FloatType::kF32 ? 2e-7 * std::sqrt(depth) * 4 : 1.0 / 256;
  for (size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(expected[i], got[i], relative * (1.0 + std::fabs(expected[i]) + std::sqrt(depth)))
        << what << " element " << i;
}

double activate_plainly(double v, const FloatEpilogue& e) {
  switch (e.activation) {
    case Activation::kNone:
      return v;
    case Activation::kClip:
      return std::fmin(std::fmax(v, e.p0), e.p1);
    case Activation::kHardSwish:
      return v * std::fmin(std::fmax(v / 6 + 0.5, 0.0), 1.0);
    case Activation::kSilu:
      return v / (1.0 + std::exp(-v));
  }
  return v;
}

std::vector<FloatEpilogue> epilogues() {
  return {{},
          {.activation = Activation::kClip},
          {.activation = Activation::kClip, .p0 = 0.0f, .p1 = 6.0f, .has_skip = true},
          {.activation = Activation::kHardSwish, .p0 = 1.0f / 6.0f},
          {.activation = Activation::kSilu, .p0 = 1.0f, .has_skip = true}};
}

std::vector<FloatTensor> layouts(FloatTensor t) {
  std::vector<FloatTensor> list;
  for (const FloatType type : {FloatType::kF32, FloatType::kBF16}) {
    if (!backend().supports(type)) continue;
    for (const FloatLayout layout : {FloatLayout::kNhwc, FloatLayout::kBlocked16}) {
      t.type = type, t.layout = layout;
      list.push_back(t);
    }
  }
  return list;
}

Plain plain_conv(const FloatConvProblem& p, const Plain& x, const Plain& w, const Plain& b, const Plain& skip) {
  Plain y(count(p.y()));
  const int64_t depth = p.x.c / p.groups, out = p.out_channels / p.groups, oh = p.out_h(), ow = p.out_w();
  for (int64_t i = 0; i < static_cast<int64_t>(y.size()); ++i) {
    const int64_t q = i % ow, h = i / ow % oh, k = i / (ow * oh) % p.out_channels, n = i / (ow * oh * p.out_channels);
    double sum = b.empty() ? 0.0 : b[static_cast<size_t>(k)];
    for (int64_t c = 0; c < depth; ++c)
      for (int64_t r = 0; r < p.kernel_h; ++r)
        for (int64_t s = 0; s < p.kernel_w; ++s) {
          const int64_t ih = h * p.stride_h - p.pad_top + r * p.dilation_h;
          const int64_t iw = q * p.stride_w - p.pad_left + s * p.dilation_w;
          if (ih < 0 || iw < 0 || ih >= p.x.h || iw >= p.x.w) continue;
          const int64_t at = ((n * p.x.c + k / out * depth + c) * p.x.h + ih) * p.x.w + iw;
          sum += static_cast<double>(x[static_cast<size_t>(at)]) *
                 w[static_cast<size_t>(((k * depth + c) * p.kernel_h + r) * p.kernel_w + s)];
        }
    if (p.epilogue.has_skip) sum += skip[static_cast<size_t>(i)];
    y[static_cast<size_t>(i)] = static_cast<float>(activate_plainly(sum, p.epilogue));
  }
  return y;
}

TEST(OneDnn, Convolution) {
  Random random(1);
  std::vector<FloatConvProblem> problems = {{.x = {.n = 2, .c = 3, .h = 11, .w = 9},
                                             .out_channels = 16,
                                             .kernel_h = 7,
                                             .kernel_w = 7,
                                             .stride_h = 2,
                                             .stride_w = 2,
                                             .pad_top = 3,
                                             .pad_left = 3,
                                             .pad_bottom = 3,
                                             .pad_right = 3},
                                            {.x = {.c = 20, .h = 5, .w = 6}, .out_channels = 33},
                                            {.x = {.c = 32, .h = 6, .w = 6},
                                             .out_channels = 32,
                                             .groups = 32,
                                             .kernel_h = 3,
                                             .kernel_w = 3,
                                             .pad_top = 1,
                                             .pad_left = 1,
                                             .pad_bottom = 1,
                                             .pad_right = 1},
                                            {.x = {.c = 32, .h = 7, .w = 5},
                                             .out_channels = 64,
                                             .groups = 4,
                                             .kernel_h = 3,
                                             .kernel_w = 3,
                                             .dilation_h = 2,
                                             .dilation_w = 2,
                                             .pad_top = 2,
                                             .pad_left = 2,
                                             .pad_bottom = 2,
                                             .pad_right = 2},
                                            {.x = {.n = 3, .c = 50, .h = 1, .w = 1}, .out_channels = 10}};
  for (FloatConvProblem p : problems) {
    for (const FloatTensor& x : layouts(p.x)) {
      for (const FloatEpilogue& epilogue : epilogues()) {
        p.x = x, p.epilogue = epilogue;
        const Plain input = random_plain(p.x, random), skip = random_plain(p.y(), random);
        const double depth = static_cast<double>(p.x.c * p.kernel_h * p.kernel_w) / static_cast<double>(p.groups);
        const Plain w =
            random_plain({.n = p.out_channels, .c = p.x.c / p.groups, .h = p.kernel_h, .w = p.kernel_w}, random);
        const Plain b = random_plain({.c = p.out_channels}, random);
        const auto step = backend().conv(p, w.data(), b.data(), 1);
        const auto in = to_layout(p.x, input), added = to_layout(p.y(), skip);
        auto y = aligned_bytes(p.y().bytes());
        run(*step, {.inputs = {in.data()}, .skip = epilogue.has_skip ? added.data() : nullptr, .y = y.data()});
        expect_close(plain_conv(p, input, w, b, skip), from_layout(p.y(), y), p.x.type, depth,
                     cat(step->kernel(), " C ", p.x.c, " layout ", static_cast<int>(p.x.layout)));
      }
    }
  }
}

TEST(OneDnn, PoolingAndSoftmax) {
  Random random(2);
  for (const FloatTensor& t : layouts({.n = 2, .c = 20, .h = 7, .w = 6})) {
    const Plain x = random_plain(t, random);
    const auto in = to_layout(t, x);
    for (const FloatPool kind : {FloatPool::kMax, FloatPool::kAverage, FloatPool::kAverageIncludePad}) {
      const FloatPoolProblem p{.kind = kind,
                               .x = t,
                               .kernel_h = 3,
                               .kernel_w = 3,
                               .stride_h = 2,
                               .stride_w = 2,
                               .pad_top = 1,
                               .pad_left = 1,
                               .pad_bottom = 1,
                               .pad_right = 1,
                               .out_h = 4,
                               .out_w = 3};
      FloatTensor out = t;
      out.h = 4, out.w = 3;
      auto y = aligned_bytes(out.bytes());
      run(*backend().pool(p, 1), {.inputs = {in.data()}, .y = y.data()});
      Plain expected(count(out));
      for (size_t i = 0; i < expected.size(); ++i) {
        const auto at = static_cast<int64_t>(i);
        double sum = 0, best = -1e9, inside = 0;
        for (int64_t r = 0; r < 9; ++r) {
          const int64_t h = at / 3 % 4 * 2 - 1 + r / 3, w = at % 3 * 2 - 1 + r % 3;
          if (h < 0 || w < 0 || h >= 7 || w >= 6) continue;
          const double v = x[static_cast<size_t>((at / 12 * 7 + h) * 6 + w)];
          sum += v, ++inside, best = std::fmax(best, v);
        }
        expected[i] = static_cast<float>(kind == FloatPool::kMax       ? best
                                         : kind == FloatPool::kAverage ? sum / inside
                                                                       : sum / 9);
      }
      expect_close(expected, from_layout(out, y), t.type, 9, "pool");
    }
    if (t.type == FloatType::kBF16) continue;
    auto y = aligned_bytes(t.bytes());
    run(*backend().softmax({.x = t}, 1), {.inputs = {in.data()}, .y = y.data()});
    const Plain got = from_layout(t, y);
    for (size_t pixel = 0; pixel < 42; ++pixel) {
      double sum = 0;
      for (size_t c = 0; c < 20; ++c) sum += std::exp(static_cast<double>(x[c * 42 + pixel]));
      for (size_t c = 0; c < 20; ++c)
        ASSERT_NEAR(std::exp(static_cast<double>(x[c * 42 + pixel])) / sum, got[c * 42 + pixel], 1e-6);
    }
  }
}

TEST(OneDnn, BinaryActivationAndConcat) {
  Random random(3);
  for (const FloatTensor& t : layouts({.n = 2, .c = 16, .h = 3, .w = 5})) {
    const Plain a = random_plain(t, random);
    const auto in = to_layout(t, a);
    for (const FloatEpilogue& e : epilogues()) {
      if (e.has_skip) continue;
      auto y = aligned_bytes(t.bytes());
      run(*backend().activation({.x = t, .epilogue = e}, 1), {.inputs = {in.data()}, .y = y.data()});
      Plain expected = a;
      for (float& v : expected) v = static_cast<float>(activate_plainly(v, e));
      expect_close(expected, from_layout(t, y), t.type, 1, "activation");
    }
    FloatTensor gate = t;
    gate.h = gate.w = 1;
    const Plain g = random_plain(gate, random);
    const auto second = to_layout(gate, g);
    auto y = aligned_bytes(t.bytes());
    run(*backend().binary({.op = FloatBinary::kMul, .a = t, .b = gate}, 1),
        {.inputs = {in.data(), second.data()}, .y = y.data()});
    Plain expected = a;
    for (size_t i = 0; i < expected.size(); ++i) expected[i] *= g[i / 15];
    expect_close(expected, from_layout(t, y), t.type, 1, "gate");

    FloatTensor both = t;
    both.c = 32;
    auto joined = aligned_bytes(both.bytes());
    run(*backend().concat({.inputs = {t, t}}, 1), {.inputs = {in.data(), in.data()}, .y = joined.data()});
    const Plain got = from_layout(both, joined);
    for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(a[i / 480 * 240 + i % 240], got[i]) << i;
  }
}

}  // namespace
}  // namespace qat::kernels
