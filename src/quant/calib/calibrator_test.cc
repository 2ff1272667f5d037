// Calibrators on known distributions: against direct computation on the values, and where they must not clip.
#include "quant/calib/calibrator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/qmath.h"
#include "base/random.h"

namespace qat::quant {
namespace {

Histogram histogram(const std::vector<float>& v) {
  Histogram h;
  h.add(v);
  return h;
}

std::vector<float> normal(size_t n, uint64_t seed) {
  std::vector<float> v(n);
  Random random(seed);
  for (float& x : v) x = static_cast<float>(random.normal());
  return v;
}

std::vector<float> laplace(size_t n, uint64_t seed) {
  std::vector<float> v(n);
  Random random(seed);
  for (float& x : v) x = static_cast<float>(-std::log(1 - random.uniform()) * (random.below(2) == 0 ? 1 : -1));
  return v;
}

// Fashion-MNIST's kind of input: a flat black background of more than half, grey levels above it, normalized.
std::vector<float> images(size_t n) {
  std::vector<float> v(n);
  Random random(5);
  for (float& x : v) {
    const int64_t level = random.below(100) < 55 ? 0 : random.below(256);
    x = (static_cast<float>(level) / 255.0f - 0.286f) / 0.353f;
  }
  return v;
}

double true_error(const std::vector<float>& v, float amax) {
  double sum = 0;
  const float s = scale_of_amax(amax);
  for (const float x : v) {
    const double error = static_cast<double>(x) - dequantize(quantize(x, s, 0, -127, 127), s, 0);
    sum += error * error;
  }
  return sum / static_cast<double>(v.size());
}

TEST(ExpectedError, EqualsTheErrorOnTheValues) {
  for (const auto& v : {normal(300000, 1), laplace(300000, 2)}) {
    const Histogram h = histogram(v);
    for (const double share : {1.0, 0.7, 0.4, 0.1, 0.02}) {
      const float amax = static_cast<float>(h.max() * share);
      const double expected = true_error(v, amax);
      EXPECT_NEAR(expected_error(h, amax) / expected, 1.0, 0.01) << share;
    }
  }
}

TEST(ExpectedError, OfZerosIsZero) {
  std::vector<float> v(100000, 0.0f);
  v[3] = 1.0f;
  EXPECT_NEAR(expected_error(histogram(v), 1.0f), 0, 1e-12);
  EXPECT_NEAR(expected_error(histogram(v), 0.5f), 0.25 / 100000, 1e-9);
}

TEST(Calibrators, Max) {
  const auto v = normal(50000, 3);
  const RangeChoice c = choose_range(histogram(v), "max", 99.99);
  EXPECT_EQ(c.amax, histogram(v).max());
  EXPECT_EQ(c.clipped, 0);
  EXPECT_EQ(c.calibrator, "max");
}

TEST(Calibrators, Percentile) {
  std::vector<float> v(100000);
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(i) / 100000;  // uniform in [0, 1)
  for (const double p : {50.0, 90.0, 99.9}) {
    const RangeChoice c = choose_range(histogram(v), "percentile", p);
    EXPECT_NEAR(c.amax, p / 100, 3e-4);
    EXPECT_NEAR(c.clipped, 1 - p / 100, 3e-4);
  }
  EXPECT_EQ(choose_range(histogram(v), "percentile", 100).amax, histogram(v).max());
  for (const double bad : {0.0, -1.0, 100.5, std::nan("")})
    EXPECT_THROW(choose_range(histogram(v), "percentile", bad), Error) << bad;
}

// The best of a fine scan over the values themselves.
TEST(Calibrators, MseFindsTheLeastError) {
  for (const auto& v : {normal(100000, 4), laplace(100000, 5)}) {
    const Histogram h = histogram(v);
    double least = 1e30;
    for (int i = 10; i <= 100; ++i) least = std::min(least, true_error(v, h.max() * static_cast<float>(i) / 100));
    const RangeChoice c = choose_range(h, "mse", 99.99);
    EXPECT_LE(true_error(v, c.amax), 1.01 * least);
    double power = 0;
    for (const float x : v) power += static_cast<double>(x) * x / static_cast<double>(v.size());
    EXPECT_NEAR(c.snr_db, 10 * std::log10(power / true_error(v, c.amax)), 0.05);
  }
}

TEST(Calibrators, MseAndEntropyClipAnOutlier) {
  auto v = normal(200000, 6);
  v[0] = 400.0f;
  const RangeChoice mse = choose_range(histogram(v), "mse", 99.99);
  // Where the derivatives of (400 - a)^2 / n and (a / 127)^2 / 12 cancel.
  EXPECT_NEAR(mse.amax, 400.0f / (1 + 200000.0f / (12 * 127 * 127)), 2.0f);
  const RangeChoice entropy = choose_range(histogram(laplace(200000, 7)), "entropy", 99.99);
  EXPECT_LT(entropy.amax, histogram(laplace(200000, 7)).max());
  EXPECT_GT(entropy.clipped, 0);
}

TEST(Calibrators, EntropyKeepsImagesWithAFlatBackground) {
  const auto v = images(500000);
  const Histogram h = histogram(v);
  const RangeChoice c = choose_range(h, "entropy", 99.99);
  EXPECT_GT(c.amax, 0.97f * h.max());
  EXPECT_GT(c.snr_db, 35);
}

// A ReLU6 output: many zeros, a peak at 6.
TEST(Calibrators, EntropyKeepsAPeakAtTheEnd) {
  auto v = normal(300000, 8);
  for (float& x : v) x = std::clamp(4 * x, 0.0f, 6.0f);
  const Histogram h = histogram(v);
  EXPECT_FALSE(h.negative());
  for (const char* name : {"entropy", "mse", "auto"}) EXPECT_GT(choose_range(h, name, 99.99).amax, 5.7f) << name;
}

TEST(Calibrators, AutoIsNeverWorseThanAny) {
  auto outlier = laplace(100000, 9);
  outlier[17] = 300;
  for (const auto& v : {normal(100000, 10), outlier, images(100000)}) {
    const Histogram h = histogram(v);
    const RangeChoice best = choose_range(h, "auto", 99.99);
    for (const char* name : {"max", "percentile", "mse", "entropy"})
      EXPECT_GE(best.snr_db, choose_range(h, name, 99.99).snr_db) << name;
    EXPECT_NE(best.calibrator, "auto");
  }
  // Where nothing gains by clipping, max is named.
  std::vector<float> flat(4096);
  for (size_t i = 0; i < flat.size(); ++i) flat[i] = i % 2 == 0 ? 1.0f : -1.0f;
  EXPECT_EQ(choose_range(histogram(flat), "auto", 99.99).calibrator, "max");
}

TEST(Calibrators, NothingToCalibrate) {
  for (const std::string& name : calibrator_names()) {
    EXPECT_EQ(choose_range(Histogram{}, name, 99.99).amax, 0) << name;
    EXPECT_EQ(choose_range(histogram(std::vector<float>(2000, 0.0f)), name, 99.99).amax, 0) << name;
    const RangeChoice one = choose_range(histogram({0.5f}), name, 99.99);
    EXPECT_NEAR(one.amax, 0.5f, 1e-3f) << name;
  }
}

TEST(Calibrators, UnknownNamesAreErrors) {
  try {
    choose_range(Histogram{}, "minmax", 99.99);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kUsage);
    EXPECT_STREQ(
        error.what(),
        "[QUANT.CALIBRATOR] unknown calibrator \"minmax\"; expected one of max, percentile, mse, entropy, auto");
  }
}

TEST(WeightAmax, ByEitherAxis) {
  const std::vector<float> w{1, -2, 3, 4, -5, 6, 0, 0, 0, 0, 0, -7};
  EXPECT_EQ(weight_amax(w, std::vector<int64_t>{2, 3, 2}, 0), (std::vector<float>{6, 7}));
  EXPECT_EQ(weight_amax(w, std::vector<int64_t>{2, 3, 2}, 1), (std::vector<float>{2, 4, 7}));
  EXPECT_EQ(weight_amax(std::vector<float>(4, 0.0f), std::vector<int64_t>{2, 2}, 0), (std::vector<float>{0, 0}));
}

}  // namespace
}  // namespace qat::quant
