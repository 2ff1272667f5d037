// The twins, and the arithmetic they share with the device, against formulas written out: base/qmath.h, double sums,
// the host's histogram.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/half.h"
#include "base/random.h"
#include "quant/calib/calibrator.h"
#include "train/cuda/kernels/kernels.h"
#include "train/cuda/kernels/quantizer.h"

namespace qat::train::cuda {
namespace {

std::vector<float> normals(int64_t n, uint64_t seed, double mean = 0, double deviation = 1) {
  Random random(seed);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = static_cast<float>(mean + deviation * random.normal());
  return v;
}

TEST(Quantizer, EqualsQmathToTheBit) {
  Random random(1);
  for (int k = 0; k < 2000; ++k) {
    float scale = std::ldexp(static_cast<float>(1 + random.uniform()), static_cast<int>(random.below(230)) - 120);
    if (k % 7 == 0)
      scale = float_of(bits_of(scale) | 0x7FFFFF);  // the mantissa in which Markstein's reciprocal may fail
    const Quantizer quant = Quantizer::make({.value = &scale, .unit = 1}, -INFINITY, INFINITY);
    for (int i = 0; i < 400; ++i) {
      float v = static_cast<float>(random.normal()) * 60 * scale;
      if (i % 2 == 0) v = (static_cast<float>(random.below(260) - 130) + 0.5f) * scale;  // ties and their neighbours
      for (int64_t d = random.below(7) - 3; i % 4 == 0 && d != 0; d += d > 0 ? -1 : 1) v = neighbour(v, d > 0 ? 1 : -1);
      if (i < 4) v = i < 2 ? (i == 0 ? INFINITY : -INFINITY) : (i == 2 ? NAN : 0.0f);
      ASSERT_EQ(quant.quantized(v), static_cast<float>(quantize(v, scale, 0, -128, 127))) << scale << " " << v;
      const float q = std::rint(v / scale);
      ASSERT_EQ(quant.passes(v), q >= -128 && q <= 127) << scale << " " << v;
      if (!quant.passes(v)) continue;
      ASSERT_EQ(quant.slope(v, {}), q - v / scale) << scale << " " << v;
    }
  }
}

TEST(Stats, AreThoseOfTheBatch) {
  const int64_t rows = 3001, channels = 70;
  const auto x = normals(rows * channels, 2, 100, 0.5), gamma = normals(channels, 3), beta = normals(channels, 4);
  std::vector<float> running_mean(channels, 1.0f), running_var(channels, 2.0f), mean(channels), invstd(channels),
      a(channels), b(channels);
  std::vector<char> workspace(workspace_bytes(rows, channels));
  twin_kernels().stats({.rows = rows,
                        .channels = channels,
                        .type = Type::kF32,
                        .x = x.data(),
                        .gamma = gamma.data(),
                        .beta = beta.data(),
                        .running_mean = running_mean.data(),
                        .running_var = running_var.data(),
                        .mean = mean.data(),
                        .invstd = invstd.data(),
                        .a = a.data(),
                        .b = b.data(),
                        .workspace = workspace.data()},
                       nullptr);
  for (int64_t c = 0; c < channels; ++c) {
    const auto i = static_cast<size_t>(c);
    double sum = 0, squares = 0;
    for (int64_t r = 0; r < rows; ++r) sum += x[static_cast<size_t>(r * channels + c)];
    const double m = sum / static_cast<double>(rows);
    for (int64_t r = 0; r < rows; ++r) squares += std::pow(x[static_cast<size_t>(r * channels + c)] - m, 2);
    const double var = squares / static_cast<double>(rows), inverse = 1 / std::sqrt(var + 1e-5);
    EXPECT_NEAR(mean[i], m, 1e-5);
    EXPECT_NEAR(invstd[i], inverse, 1e-6 * inverse);  // fp32 sums of some 50 terms
    EXPECT_NEAR(a[i], gamma[i] * inverse, 1e-6 * inverse * std::fabs(gamma[i]));
    EXPECT_NEAR(b[i], beta[i] - m * gamma[i] * inverse, 1e-6 * m * inverse);
    EXPECT_NEAR(running_mean[i], 0.9 + 0.1 * m, 1e-5);
    EXPECT_NEAR(running_var[i], 1.8 + 0.1 * squares / static_cast<double>(rows - 1), 1e-6);
  }
}

// Of loss = sum w y, y = x a + b normalized with the batch's statistics: dx by differences of the loss.
TEST(Backward, IsTheDerivativeOfTheNorm) {
  const int64_t rows = 7, channels = 3;
  const auto x = normals(rows * channels, 5, 2), w = normals(rows * channels, 6), gamma = normals(channels, 7);
  const std::vector<float> beta(channels, 0.0f);
  std::vector<float> mean(channels), invstd(channels), a(channels), b(channels), dgamma(channels), dbeta(channels),
      cb(channels), cc(channels), dx(x.size());
  std::vector<char> workspace(workspace_bytes(rows, channels));
  twin_kernels().stats({.rows = rows,
                        .channels = channels,
                        .type = Type::kF32,
                        .x = x.data(),
                        .gamma = gamma.data(),
                        .beta = beta.data(),
                        .mean = mean.data(),
                        .invstd = invstd.data(),
                        .a = a.data(),
                        .b = b.data(),
                        .workspace = workspace.data()},
                       nullptr);
  twin_kernels().backward_reduce({.rows = rows,
                                  .channels = channels,
                                  .type = Type::kF32,
                                  .gradient = w.data(),
                                  .x = x.data(),
                                  .mean = mean.data(),
                                  .invstd = invstd.data(),
                                  .a = a.data(),
                                  .dgamma = dgamma.data(),
                                  .dbeta = dbeta.data(),
                                  .cb = cb.data(),
                                  .cc = cc.data(),
                                  .workspace = workspace.data()},
                                 nullptr);
  twin_kernels().backward_apply({.rows = rows,
                                 .channels = channels,
                                 .type = Type::kF32,
                                 .gradient = w.data(),
                                 .x = x.data(),
                                 .ca = a.data(),
                                 .cb = cb.data(),
                                 .cc = cc.data(),
                                 .dx = dx.data()},
                                nullptr);
  const auto loss = [&](const std::vector<double>& v, int64_t c) {
    double m = 0, var = 0, total = 0;
    for (int64_t r = 0; r < rows; ++r) m += v[static_cast<size_t>(r * channels + c)] / static_cast<double>(rows);
    for (int64_t r = 0; r < rows; ++r)
      var += std::pow(v[static_cast<size_t>(r * channels + c)] - m, 2) / static_cast<double>(rows);
    for (int64_t r = 0; r < rows; ++r) {
      const auto i = static_cast<size_t>(r * channels + c);
      total += w[i] * gamma[static_cast<size_t>(c)] * (v[i] - m) / std::sqrt(var + 1e-5);
    }
    return total;
  };
  for (size_t i = 0; i < x.size(); ++i) {
    std::vector<double> up(x.begin(), x.end()), down = up;
    up[i] += 1e-5, down[i] -= 1e-5;
    const auto c = static_cast<int64_t>(i) % channels;
    EXPECT_NEAR(dx[i], (loss(up, c) - loss(down, c)) / 2e-5, 1e-5);
  }
  for (int64_t c = 0; c < channels; ++c) {
    double sum = 0, scaled = 0;
    for (int64_t r = 0; r < rows; ++r) {
      const auto i = static_cast<size_t>(r * channels + c), k = static_cast<size_t>(c);
      sum += w[i], scaled += w[i] * (x[i] - mean[k]) * invstd[k];
    }
    EXPECT_NEAR(dbeta[static_cast<size_t>(c)], sum, 1e-6);
    EXPECT_NEAR(dgamma[static_cast<size_t>(c)], scaled, 1e-6);
  }
}

TEST(CrossEntropy, AndItsGradient) {
  const int64_t rows = 6, classes = 11;
  const auto logits = normals(rows * classes, 9, 0, 3);
  const std::vector<int64_t> labels = {0, 3, 10, 5, 5, 1};
  std::vector<float> gradient(logits.size());
  std::vector<char> workspace(workspace_bytes(rows, classes));
  double loss = 0;
  int64_t correct = 0;
  twin_kernels().cross_entropy({.rows = rows,
                                .classes = classes,
                                .type = Type::kF32,
                                .logits = logits.data(),
                                .labels = labels.data(),
                                .smoothing = 0.1f,
                                .gradient = gradient.data(),
                                .loss = &loss,
                                .correct = &correct,
                                .workspace = workspace.data()},
                               nullptr);
  double expected = 0;
  int64_t hits = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const float* x = logits.data() + r * classes;
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(static_cast<double>(x[c]));
    hits += std::max_element(x, x + classes) - x == labels[static_cast<size_t>(r)];
    for (int64_t c = 0; c < classes; ++c) {
      const double target = 0.1 / 11 + (c == labels[static_cast<size_t>(r)] ? 0.9 : 0.0),
                   p = std::exp(static_cast<double>(x[c])) / sum;
      expected -= target * std::log(p) / 6;
      EXPECT_NEAR(gradient[static_cast<size_t>(r * classes + c)], (p - target) / 6, 1e-7);
    }
  }
  EXPECT_NEAR(loss, expected, 1e-6);
  EXPECT_EQ(correct, hits);
}

TEST(Histogram, IsTheHostsHistogram) {
  quant::Histogram expected;
  HistogramState state{};
  for (int k = 0; k < 5; ++k) {
    auto values = normals(5000, 20 + static_cast<uint64_t>(k), 0, std::ldexp(1.0, 4 * k));
    for (size_t i = 0; i < values.size(); i += 3) values[i] = k == 0 ? -0.0f : 0.0f;
    if (k == 2) values[5] = NAN, values[77] = -INFINITY, values[99] = 1e-39f;
    expected.add(values);
    twin_kernels().add_to_histogram({.size = 5000, .x = values.data(), .histogram = &state}, nullptr);
  }
  const quant::Histogram got = histogram_of(state);
  EXPECT_EQ(got.total(), expected.total());
  EXPECT_EQ(got.zeros(), expected.zeros());
  EXPECT_EQ(got.not_finite(), expected.not_finite());
  EXPECT_EQ(got.max(), expected.max());
  EXPECT_EQ(got.negative(), expected.negative());
  EXPECT_EQ(got.bin_width(), expected.bin_width());
  EXPECT_TRUE(std::equal(got.counts().begin(), got.counts().end(), expected.counts().begin(), expected.counts().end()));
  EXPECT_EQ(quant::choose_range(got, "mse", 99.9).amax, quant::choose_range(expected, "mse", 99.9).amax);
}

// KCRS to KRSC with a pitch, per-channel ranges that follow; the gradient goes the same way back.
TEST(Weights, AreQuantizedAndTransposed) {
  const int32_t k = 4, c = 3, pixels = 6, pitch = 5;
  const auto master = normals(k * c * pixels, 30), gradient = normals(k * pixels * pitch, 31);
  std::vector<float> copy(static_cast<size_t>(k * pixels * pitch), -7.0f), range(k), back(master.size());
  const Weight weight{.master = master.data(),
                      .copy = copy.data(),
                      .dim0 = k,
                      .dim1 = c,
                      .pixels = pixels,
                      .pitch = pitch,
                      .range = range.data(),
                      .follow = true,
                      .copy_gradient = gradient.data(),
                      .gradient = back.data()};
  const auto chunks = weight_chunks({&weight, 1});
  const WeightsArgs args{.type = Type::kF32,
                         .weights = &weight,
                         .chunks = chunks.data(),
                         .chunk_count = static_cast<int64_t>(chunks.size())};
  twin_kernels().quantize_weights(args, nullptr);
  twin_kernels().weight_gradients(args, nullptr);
  for (int o = 0; o < k; ++o) {
    float peak = 0;
    for (int i = 0; i < c * pixels; ++i)
      peak = std::max(peak, std::fabs(master[static_cast<size_t>(o * c * pixels + i)]));
    EXPECT_EQ(range[static_cast<size_t>(o)], peak);
    const float scale = scale_of_amax(range[static_cast<size_t>(o)]);
    for (int i = 0; i < c; ++i) {
      for (int p = 0; p < pixels; ++p) {
        const auto from = static_cast<size_t>((o * c + i) * pixels + p),
                   to = static_cast<size_t>((o * pixels + p) * pitch + i);
        EXPECT_EQ(copy[to], dequantize(quantize(master[from], scale, 0, -127, 127), scale, 0));
        EXPECT_EQ(back[from], gradient[to]);
      }
    }
  }
  EXPECT_EQ(copy[3], -7.0f) << "padding is left alone";
}

}  // namespace
}  // namespace qat::train::cuda
