// Histograms: counts against a plain loop, independence of order and split, extreme values.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "quant/calib/calibrator.h"

namespace qat::quant {
namespace {

// Values over many octaves with exact zeros, so that widths double along the way.
std::vector<float> values(size_t n, uint64_t seed) {
  std::vector<float> v(n);
  Random random(seed);
  for (size_t i = 0; i < n; ++i) {
    const double magnitude = std::exp2(random.uniform(-20, 8));
    v[i] = random.below(4) == 0 ? 0.0f : static_cast<float>(random.below(2) == 0 ? magnitude : -magnitude);
  }
  return v;
}

void expect_equal(const Histogram& a, const Histogram& b) {
  EXPECT_EQ(a.total(), b.total());
  EXPECT_EQ(a.zeros(), b.zeros());
  EXPECT_EQ(a.not_finite(), b.not_finite());
  EXPECT_EQ(a.max(), b.max());
  EXPECT_EQ(a.negative(), b.negative());
  EXPECT_EQ(a.bin_width(), b.bin_width());
  EXPECT_TRUE(std::ranges::equal(a.counts(), b.counts()));
}

TEST(Histogram, CountsEqualAPlainLoop) {
  for (const size_t n : {size_t{1}, size_t{1023}, size_t{1024}, size_t{5000}, size_t{300001}}) {
    const std::vector<float> v = values(n, n);
    Histogram h;
    h.add(v);
    float max = 0;
    for (const float x : v) max = std::max(max, std::fabs(x));
    EXPECT_EQ(h.max(), max);
    EXPECT_EQ(h.bin_width(), std::exp2(std::floor(std::log2(max)) + 1) / Histogram::kBins);
    std::vector<int64_t> counts(Histogram::kBins, 0);
    for (const float x : v) ++counts[static_cast<size_t>(std::fabs(static_cast<double>(x)) / h.bin_width())];
    EXPECT_TRUE(std::ranges::equal(h.counts(), counts)) << n;
    EXPECT_EQ(h.total(), static_cast<int64_t>(n));
    EXPECT_EQ(h.zeros(), std::count(v.begin(), v.end(), 0.0f));
  }
}

TEST(Histogram, OrderAndSplitDoNotMatter) {
  std::vector<float> v = values(100003, 1);
  v[777] = NAN;
  v[50000] = INFINITY;
  v[99999] = -INFINITY;
  Histogram whole;
  whole.add(v);
  EXPECT_EQ(whole.not_finite(), 3);
  EXPECT_EQ(whole.total(), 100000);
  for (uint64_t seed = 0; seed < 5; ++seed) {
    Random random(seed);
    const std::vector<int64_t> order = permutation(static_cast<int64_t>(v.size()), random);
    std::vector<float> shuffled(v.size());
    for (size_t i = 0; i < v.size(); ++i) shuffled[i] = v[static_cast<size_t>(order[i])];
    // Parts of random sizes, each to one of three histograms, merged in another order.
    Histogram parts[3];
    for (size_t begin = 0; begin < shuffled.size();) {
      const size_t n = std::min(shuffled.size() - begin, static_cast<size_t>(random.below(9000)));
      parts[random.below(3)].add({shuffled.data() + begin, n});
      begin += n;
    }
    Histogram merged;
    for (const size_t i : {2, 0, 1}) merged.merge(parts[i]);
    expect_equal(merged, whole);
  }
}

// More equal values than 16 bits hold.
TEST(Histogram, ManyEqualValues) {
  const std::vector<float> v(1 << 20, -0.75f);
  Histogram h;
  h.add(v);
  h.add(v);
  EXPECT_EQ(h.counts()[0.75 / h.bin_width()], 2 << 20);
  EXPECT_EQ(h.zeros(), 0);
  EXPECT_TRUE(h.negative());
}

TEST(Histogram, ExtremeValues) {
  const float largest = std::numeric_limits<float>::max(), tiny = std::numeric_limits<float>::denorm_min();
  std::vector<float> v(2048, 0.0f);
  v[0] = tiny;
  Histogram h;
  h.add(v);
  EXPECT_EQ(h.max(), tiny);
  EXPECT_EQ(h.counts()[0], 2048);
  EXPECT_EQ(h.zeros(), 2047);
  EXPECT_FALSE(h.negative());
  v[5] = -largest;
  h.add(v);
  EXPECT_EQ(h.max(), largest);
  EXPECT_EQ(h.counts()[Histogram::kBins - 1], 1);
  EXPECT_EQ(h.counts()[0], 4095);
  EXPECT_TRUE(h.negative());
}

TEST(Histogram, NegativeZeroIsNotNegative) {
  Histogram h;
  h.add(std::vector<float>(3000, -0.0f));
  EXPECT_FALSE(h.negative());
  EXPECT_EQ(h.zeros(), 3000);
  EXPECT_EQ(h.max(), 0);
}

TEST(Histogram, EmptyAndOnlyNotFinite) {
  Histogram h;
  h.add({});
  EXPECT_TRUE(h.empty());
  h.add(std::vector<float>(2000, NAN));
  EXPECT_TRUE(h.empty());
  EXPECT_EQ(h.not_finite(), 2000);
  EXPECT_EQ(h.max(), 0);
}

}  // namespace
}  // namespace qat::quant
