// Lowered operators on numbers worked out by hand: ties, bounds, zero points, skips.
#include "ir/lowered.h"

#include <gtest/gtest.h>

#include "ir/interpret.h"
#include "ir/shapes.h"
#include "ir/verify.h"

namespace qat::ir {
namespace {

constexpr QuantInfo kSymmetric{.scale = 0.5f};

// x -> Quantize -> the node under test -> Dequantize; coding of x: scale 1, so that q = rne(x).
struct Bench {
  Graph g;
  ValueId q = kNone;
  explicit Bench(Dims dims, QuantInfo info = {}) {
    const ValueId x = g.add_input("x", std::move(dims));
    q = g.add_node(Op::kQuantize, "quantize", {x});
    g.value(q).quant = info;
  }
  ValueId coded(Op op, const std::string& name, std::vector<ValueId> inputs, Attrs attrs, QuantInfo info) {
    const ValueId y = g.add_node(op, name, std::move(inputs), std::move(attrs));
    g.value(y).quant = info;
    return y;
  }
  std::vector<int32_t> run(ValueId y, const Tensor& x) {
    g.outputs = {y};
    verify(g);
    verify_lowered(g);
    const Tensor out = interpret(g, {x}).outputs[0];
    return {out.data<int32_t>().begin(), out.data<int32_t>().end()};
  }
};

TEST(Lowered, QuantizeRoundsTiesToEvenAndClamps) {
  Bench b({1, 7});
  EXPECT_EQ(b.run(b.q, Tensor::from<float>({0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 127.6f, -500}, {1, 7})),
            (std::vector<int32_t>{0, 2, 2, 0, -2, 127, -128}));
  Bench u({1, 4}, {.scale = 0.5f, .zero_point = 10, .lo = 0, .hi = 255});
  EXPECT_EQ(u.run(u.q, Tensor::from<float>({0, -5.5f, 0.25f, 200}, {1, 4})), (std::vector<int32_t>{10, 0, 10, 255}));
}

// acc = c(x) * w; M = 0.5, B = 1: ties everywhere.
TEST(Lowered, LayersRequantizeByOneFormula) {
  Bench b({1, 1, 1, 5}, {.zero_point = 3, .lo = 0, .hi = 255});
  const ValueId w = b.g.add_buffer("w", Tensor::from<int8_t>({1, -2}, {2, 1, 1, 1}));
  const ValueId m = b.g.add_buffer("m", Tensor::from<float>({0.5f, 0.25f}, {2}));
  const ValueId o = b.g.add_buffer("b", Tensor::from<float>({1, 0}, {2}));
  const ValueId y = b.coded(Op::kQConv, "conv", {b.q, w, m, o}, FusedConvAttrs{}, {.scale = 1, .lo = -2, .hi = 3});
  // x = 0, 1, 2, 5, -3 -> q = 3, 4, 5, 8, 0 -> c = 0, 1, 2, 5, -3
  EXPECT_EQ(b.run(y, Tensor::from<float>({0, 1, 2, 5, -3}, {1, 1, 1, 5})),
            (std::vector<int32_t>{1, 2, 2, 3, 0, /* -c / 2: */ 0, 0, -1, -2, 2}));
}

TEST(Lowered, SkipsAndJoinsUseCentredValues) {
  Bench b({1, 2, 1, 2});
  const ValueId w = b.g.add_buffer("w", Tensor::from<int8_t>({1, 0, 0, 1}, {2, 2, 1, 1}));
  const ValueId m = b.g.add_buffer("m", Tensor::from<float>({1, 1}, {2}));
  const ValueId o = b.g.add_buffer("b", Tensor::from<float>({0, 0}, {2}));
  const Epilogue epilogue{.has_skip = true, .skip_scale = 0.5f};
  const ValueId conv =
      b.coded(Op::kQConv, "conv", {b.q, w, m, o, b.q}, FusedConvAttrs{.epilogue = epilogue}, {.scale = 1});
  const Tensor x = Tensor::from<float>({1, 3, -5, 100}, {1, 2, 1, 2});
  EXPECT_EQ(b.run(conv, x), (std::vector<int32_t>{2, 4, -8, 127}));  // 1.5, 4.5, -7.5, 150
  const ValueId add = b.coded(Op::kQAdd, "add", {b.q, conv}, RequantAttrs{.scales = {1, 2}}, {.scale = 1});
  EXPECT_EQ(b.run(add, x), (std::vector<int32_t>{5, 11, -21, 127}));
  const ValueId mul = b.coded(Op::kQMul, "mul", {b.q, conv}, RequantAttrs{.scales = {0.25f}}, kSymmetric);
  EXPECT_EQ(b.run(mul, x), (std::vector<int32_t>{0, 3, 10, 127}));  // 0.5, 3, 10, 3175
  const ValueId concat =
      b.coded(Op::kQConcat, "concat", {b.q, conv}, RequantAttrs{.scales = {0.5f, 1}, .axis = 1}, kSymmetric);
  EXPECT_EQ(b.run(concat, x), (std::vector<int32_t>{0, 2, -2, 50, 2, 4, -8, 127}));
}

TEST(Lowered, PoolsAndTables) {
  Bench b({1, 1, 2, 3}, {.zero_point = -1, .lo = -128, .hi = 127});
  const Tensor x = Tensor::from<float>({1, 2, 3, 4, 5, -6}, {1, 1, 2, 3});
  const ValueId mean =
      b.coded(Op::kQGlobalAvgPool, "mean", {b.q}, QPoolAttrs{.scale = 2.0}, {.scale = 0.5f, .zero_point = 7});
  EXPECT_EQ(b.run(mean, x), (std::vector<int32_t>{10}));  // 9 / 6 * 2 + 7
  const PoolAttrs window{.kernel = {2, 2}, .stride = {1, 1}, .pads = {1, 1, 0, 0}};
  const ValueId max = b.coded(Op::kQMaxPool, "max", {b.q}, window, {.zero_point = -1, .lo = -128, .hi = 127});
  EXPECT_EQ(b.run(max, x), (std::vector<int32_t>{0, 1, 2, 3, 4, 4}));  // q = x - 1
  QPoolAttrs average{.pool = window};
  average.pool.count_include_pad = true;
  const ValueId avg = b.coded(Op::kQAvgPool, "avg", {b.q}, average, {.scale = 1});
  EXPECT_EQ(b.run(avg, x), (std::vector<int32_t>{0, 1, 1, 1, 3, 1}));  // 0.25 0.75 1.25 1.25 3 1
  Tensor table(DType::kI32, {256});
  for (int i = 0; i < 256; ++i) table.data<int32_t>()[static_cast<size_t>(i)] = 100 - i / 4;
  const ValueId lut = b.coded(Op::kQLut, "lut", {b.q, b.g.add_buffer("table", table)}, {}, kSymmetric);
  EXPECT_EQ(b.run(lut, x)[0], 100 - 128 / 4);  // q = 0 is entry 128
}

TEST(Lowered, WrongFormsAreNamed) {
  Bench b({1, 2, 1, 2});
  const ValueId w = b.g.add_buffer("w", Tensor::from<float>({1, 0, 0, 1}, {2, 2, 1, 1}));
  const ValueId m = b.g.add_buffer("m", Tensor::from<float>({1, 1}, {2}));
  const ValueId y = b.coded(Op::kQConv, "conv", {b.q, w, m, m}, FusedConvAttrs{}, {.scale = 1});
  b.g.outputs = {y};
  try {
    verify_lowered(b.g);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "[qconv conv] expected a constant i8 weight");
  }
}

}  // namespace
}  // namespace qat::ir
