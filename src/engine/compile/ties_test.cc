// Directed ties: scales that are powers of two put half of all results exactly between two integers, through a whole
// engine, against sums done by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "engine/compile/test_networks.h"

namespace qat::engine {
namespace {

using ir::Op;
using ir::ValueId;

constexpr int64_t kBatch = 3, kHeight = 5, kWidth = 7, kIn = 37, kOut = 41;

// Integers of -1, 0 and 1: sums stay small, so that few results clip.
Tensor small_integers(Shape shape, uint64_t seed) {
  Tensor t(DType::kF32, std::move(shape));
  Random random(seed);
  for (float& x : t.data<float>()) x = static_cast<float>(random.below(3) - 1);
  return t;
}

ValueId quantizer(ir::Graph& g, const std::string& name, ValueId x, float scale, int lo) {
  const ValueId range = g.add_parameter(name + "._amax", Tensor::from<float>({127 * scale}, {1}));
  return g.add_node(Op::kFakeQuant, name, {x, range}, ir::FakeQuantAttrs{.lo = lo});
}

ValueId conv(ir::Graph& g, const std::string& name, ValueId x, const Tensor& weight) {
  return g.add_node(Op::kConv, name, {x, quantizer(g, name + ".w", g.add_parameter(name + ".weight", weight), 1, -127)},
                    ir::ConvAttrs{});
}

// clamp(rne(v / s)) s, by the C library's rounding to nearest even; counts what lies exactly between.
double round_to(double v, double s, int* ties) {
  const double q = v / s;
  *ties += std::abs(q - std::trunc(q)) == 0.5;
  return s * std::fmin(std::fmax(std::nearbyint(q), -128), 127);
}

// y = q4(conv2(a) + a), a = q2(conv1(q1(x))): M = 1/2 in both layers, R = 1/2 for the skip.
TEST(Ties, RoundToEvenThroughConvolutionsAndSkips) {
  const Tensor w1 = small_integers({kOut, kIn, 1, 1}, 1), w2 = small_integers({kOut, kOut, 1, 1}, 2);
  ir::Graph g;
  g.name = "ties";
  const ValueId x = g.add_input("input", {ir::kDynamic, kIn, ir::kDynamic, ir::kDynamic});
  const ValueId a = quantizer(g, "q2", conv(g, "conv1", quantizer(g, "q1", x, 1, -128), w1), 2, -128);
  const ValueId sum = g.add_node(Op::kAdd, "add", {conv(g, "conv2", a, w2), a});
  g.outputs = {quantizer(g, "q4", sum, 4, -128)};
  Tensor images(DType::kF32, {kBatch, kIn, kHeight, kWidth});
  Random random(3);
  for (float& v : images.data<float>()) v = static_cast<float>(random.below(31) - 15);

  const int64_t area = kHeight * kWidth;
  std::vector<float> expected(static_cast<size_t>(kBatch * kOut * area));
  int ties = 0;
  for (int64_t pixel = 0; pixel < kBatch * area; ++pixel) {
    const int64_t n = pixel / area, at = pixel % area;
    std::vector<double> middle(kOut);
    for (int64_t k = 0; k < kOut; ++k) {
      double acc = 0;
      for (int64_t c = 0; c < kIn; ++c) {
        acc += images.data<float>()[static_cast<size_t>((n * kIn + c) * area + at)] *
               w1.data<float>()[static_cast<size_t>(k * kIn + c)];
      }
      middle[static_cast<size_t>(k)] = round_to(acc, 2, &ties);
    }
    for (int64_t k = 0; k < kOut; ++k) {
      double acc = middle[static_cast<size_t>(k)];
      for (int64_t c = 0; c < kOut; ++c) {
        acc += middle[static_cast<size_t>(c)] * w2.data<float>()[static_cast<size_t>(k * kOut + c)];
      }
      expected[static_cast<size_t>((n * kOut + k) * area + at)] = static_cast<float>(round_to(acc, 4, &ties));
    }
  }
  EXPECT_GT(ties, static_cast<int>(expected.size()) / 2);
  BuildRequest request{.graph = g, .precision = "int8"};
  request.profile.opt = {kBatch, kIn, kHeight, kWidth};
  request.tactic_seconds = 0;
  const BuildResult built = build(std::move(request));
  EXPECT_TRUE(built.report.not_int8.empty());
  for (const int threads : {1, 3}) {
    test::expect_equal(expected, test::run_engine(built.plan, images, threads), cat(threads, " threads"));
  }
}

}  // namespace
}  // namespace qat::engine
