// Every instruction set against scalar formulas; quantization bit for bit against base/qmath.h, ties and tails
// included.
#include "train/kernels/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/qmath.h"
#include "base/random.h"

namespace qat::train {
namespace {

std::vector<const Kernels*> tables() {
  std::vector<const Kernels*> all{&kKernelsPortable};
  for (Isa level : {Isa::kAvx2, Isa::kAvx512}) {
    if (cpu().best >= level && &kernels(level) != all.back()) all.push_back(&kernels(level));
  }
  return all;
}

// Values with many exact ties of x / scale, huge ones, zeros of both signs and a NaN.
std::vector<float> values(int64_t n, float scale, uint64_t seed) {
  Random random(seed);
  std::vector<float> v(static_cast<size_t>(n));
  for (size_t i = 0; i < v.size(); ++i) {
    const auto kind = random.below(5);
    if (kind == 0)
      v[i] = (static_cast<float>(random.below(300) - 150) + 0.5f) * scale;
    else if (kind == 1)
      v[i] = static_cast<float>(random.normal()) * 1e4f;
    else
      v[i] = static_cast<float>(random.normal()) * 40 * scale;
  }
  const float extremes[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-42f, 127.5f * scale, -128.5f * scale};
  for (size_t i = 0; i < std::size(extremes) && i < v.size(); ++i) v[(i * 7) % v.size()] = extremes[i];
  return v;
}

struct Shape2 {
  int64_t rows, channels;
};
const Shape2 kShapes[] = {{1, 1}, {3, 5}, {2, 8}, {7, 16}, {5, 17}, {300, 24}, {33, 40}, {1, 1000}, {2, 4100}};

TEST(NormAct, QuantizesAsQmathBitForBit) {
  for (const Kernels* k : tables()) {
    for (const Shape2 s : kShapes) {
      for (float scale : {0.0371f, 1.0f, 0.25f}) {
        const auto x = values(s.rows * s.channels, scale, 1);
        std::vector<float> y(x.size());
        const float peak =
            k->norm_act({.rows = s.rows, .channels = s.channels, .x = x.data(), .scale = scale, .y = y.data()});
        float expected_peak = 0;
        for (size_t i = 0; i < x.size(); ++i) {
          const float want = dequantize(quantize(x[i], scale, 0, -128, 127), scale, 0);
          ASSERT_EQ(y[i], want) << name_of(k->isa) << " " << s.rows << "x" << s.channels << " at " << i << ": " << x[i];
          if (std::fabs(x[i]) > expected_peak) expected_peak = std::fabs(x[i]);
        }
        EXPECT_EQ(peak, expected_peak) << name_of(k->isa);
      }
    }
  }
}

struct Case {
  bool norm, skip, quant;
  float lo, hi;
};

TEST(NormAct, AllPartsAndTheMask) {
  const float inf = INFINITY, scale = 0.0625f;
  const Case cases[] = {{true, false, false, -inf, inf}, {true, false, false, 0, inf}, {true, true, true, 0, inf},
                        {true, false, true, 0, 6},       {false, true, false, 0, inf}, {false, false, true, -inf, inf}};
  for (const Kernels* k : tables()) {
    for (const Shape2 s : kShapes) {
      for (const Case& c : cases) {
        const auto x = values(s.rows * s.channels, scale, 2), skip = values(s.rows * s.channels, scale, 3);
        const auto a = values(s.channels, 0.01f, 4), b = values(s.channels, 0.01f, 5);
        const int64_t pitch = mask_pitch(s.channels);
        std::vector<float> y(x.size());
        std::vector<uint8_t> mask(static_cast<size_t>(s.rows * pitch) + 1, 0xA5);
        k->norm_act({.rows = s.rows,
                     .channels = s.channels,
                     .x = x.data(),
                     .a = c.norm ? a.data() : nullptr,
                     .b = c.norm ? b.data() : nullptr,
                     .skip = c.skip ? skip.data() : nullptr,
                     .clip_lo = c.lo,
                     .clip_hi = c.hi,
                     .scale = c.quant ? scale : 0.0f,
                     .y = y.data(),
                     .mask = mask.data()});
        EXPECT_EQ(mask.back(), 0xA5) << "wrote past the mask";
        for (size_t i = 0; i < x.size(); ++i) {
          const auto row = static_cast<int64_t>(i) / s.channels, col = static_cast<int64_t>(i) % s.channels;
          float v = c.norm ? std::fma(x[i], a[static_cast<size_t>(col)], b[static_cast<size_t>(col)]) : x[i];
          if (c.skip) v += skip[i];
          bool pass = c.lo < v && v < c.hi;
          v = v < c.lo ? c.lo : (v > c.hi ? c.hi : v);
          if (c.quant) {
            const float q = std::rint(v / scale);
            pass = pass && q >= -128 && q <= 127;
            v = dequantize(quantize(v, scale, 0, -128, 127), scale, 0);
          }
          ASSERT_TRUE(y[i] == v || (std::isnan(y[i]) && std::isnan(v)))
              << name_of(k->isa) << " " << s.rows << "x" << s.channels << " at " << i << ": " << y[i] << " not " << v;
          const bool bit = (mask[static_cast<size_t>(row * pitch + col / 8)] >> (col % 8) & 1) != 0;
          ASSERT_EQ(bit, pass) << name_of(k->isa) << " " << s.rows << "x" << s.channels << " at " << i << ": " << x[i];
        }
      }
    }
  }
}

std::vector<float> normals(int64_t n, uint64_t seed, float mean = 0) {
  Random random(seed);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = mean + static_cast<float>(random.normal());
  return v;
}

TEST(NormBackward, SumsAndGradients) {
  for (const Kernels* k : tables()) {
    for (const Shape2 s : kShapes) {
      const int64_t n = s.rows * s.channels, pitch = mask_pitch(s.channels);
      const auto x = normals(n, 1, 3), g = normals(n, 2), mean = normals(s.channels, 3, 3);
      const auto ca = normals(s.channels, 4), cb = normals(s.channels, 5), cc = normals(s.channels, 6);
      std::vector<uint8_t> mask(static_cast<size_t>(s.rows * pitch));
      Random random(7);
      for (uint8_t& byte : mask) byte = static_cast<uint8_t>(random.bits());
      const auto c = static_cast<size_t>(s.channels);
      std::vector<double> sum(c), sum_x(c), squares(c), shifted(c), want(c), want_x(c), want_shifted(c),
          want_squares(c);
      std::vector<float> masked(x.size()), dx(x.size());
      k->stats({s.rows, s.channels, x.data(), mean.data(), shifted.data(), squares.data()});
      k->backward_reduce(
          {s.rows, s.channels, g.data(), mask.data(), x.data(), mean.data(), masked.data(), sum.data(), sum_x.data()});
      k->backward_apply(
          {s.rows, s.channels, g.data(), mask.data(), x.data(), ca.data(), cb.data(), cc.data(), dx.data()});
      for (int64_t i = 0; i < n; ++i) {
        const auto at = static_cast<size_t>(i), col = static_cast<size_t>(i % s.channels);
        const bool pass = (mask[static_cast<size_t>(i / s.channels * pitch) + col / 8] >> (col % 8) & 1) != 0;
        const double d = static_cast<double>(x[at]) - static_cast<double>(mean[col]), m = pass ? g[at] : 0.0f;
        want[col] += m, want_x[col] += m * d, want_shifted[col] += d, want_squares[col] += d * d;
        ASSERT_EQ(masked[at], pass ? g[at] : 0.0f) << name_of(k->isa);
        ASSERT_EQ(dx[at], std::fma(pass ? g[at] : 0.0f, ca[col], std::fma(x[at], cb[col], cc[col]))) << name_of(k->isa);
      }
      for (size_t i = 0; i < c; ++i) {
        // Float sums of up to 4096 terms: 1e-6 of the sum of magnitudes.
        const double tolerance = 1e-6 * static_cast<double>(s.rows) * 4 + 1e-6;
        ASSERT_NEAR(sum[i], want[i], tolerance);
        ASSERT_NEAR(sum_x[i], want_x[i], tolerance);
        ASSERT_NEAR(shifted[i], want_shifted[i], tolerance);
        ASSERT_NEAR(squares[i], want_squares[i], 4 * tolerance);
      }
    }
  }
}

TEST(Elementwise, AmaxSumOfSquaresAndScaleGradient) {
  for (const Kernels* k : tables()) {
    for (int64_t n : {1, 7, 16, 31, 33, 4095, 9001}) {
      const auto x = normals(n, 11), g = normals(n, 12);
      const float scale = 0.011f;
      float peak = 0;
      double squares = 0, gradient = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        peak = std::max(peak, std::fabs(x[i]));
        squares += static_cast<double>(x[i]) * static_cast<double>(x[i]);
        const float t = x[i] / scale, q = std::rint(t);
        const float slope = q < -128 ? -128.0f : q > 127 ? 127.0f : q - t;
        gradient += static_cast<double>(g[i]) * static_cast<double>(slope);
      }
      EXPECT_EQ(k->amax(x.data(), n), peak);
      EXPECT_NEAR(k->sum_squares(x.data(), n), squares, 1e-5 * squares);
      const double got = k->scale_gradient({.size = n, .gradient = g.data(), .x = x.data(), .scale = scale});
      EXPECT_NEAR(got, gradient, 1e-5 * 127 * static_cast<double>(n)) << name_of(k->isa);
    }
    const std::vector<float> broken{1, 2, NAN, 3};
    EXPECT_TRUE(std::isnan(k->sum_squares(broken.data(), 4)));
    EXPECT_EQ(k->amax(broken.data(), 4), 3.0f);
  }
}

}  // namespace
}  // namespace qat::train
