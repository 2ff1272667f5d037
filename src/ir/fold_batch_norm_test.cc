// Folding BatchNorm keeps integers, signs and the dead channel: checked number by number.
#include "ir/fold_batch_norm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ir/quant_range.h"
#include "ir/verify.h"

namespace qat::ir {
namespace {

// x -> conv (4 channels of 1x1 over 2, weight behind a FakeQuant) -> bn.
Graph network(bool coded, const std::vector<float>& gamma) {
  Graph g;
  const ValueId x = g.add_input("input", {1, 2, 3, 3});
  ValueId w = g.add_parameter("conv.weight", Tensor::from<float>({1, -2, 0.5f, 0.25f, -1, 1, 3, 2}, {4, 2, 1, 1}));
  if (coded) {
    const ValueId range = g.add_buffer("conv._weight_quantizer._amax", Tensor::from<float>({2, 0.5f, 1, 3}, {4}));
    w = g.add_node(Op::kFakeQuant, "conv._weight_quantizer", {w, range}, FakeQuantAttrs{.axis = 0, .lo = -127});
  }
  const ValueId y = g.add_node(Op::kConv, "conv", {x, w}, ConvAttrs{});
  std::vector<ValueId> inputs{y, g.add_parameter("bn.weight", Tensor::from<float>(gamma, {4}))};
  const char* names[] = {"bn.bias", "bn.running_mean", "bn.running_var"};
  const std::vector<float> values[] = {{1, 2, 3, 4}, {0.5f, -1, 2, 0}, {1, 4, 0.25f, 9}};
  for (int i = 0; i < 3; ++i) inputs.push_back(g.add_buffer(names[i], Tensor::from<float>(values[i], {4})));
  g.outputs = {g.add_node(Op::kBatchNorm, "bn", inputs, BatchNormAttrs{.eps = 1e-5f})};
  return g;
}

TEST(FoldBatchNorm, FloatWeightsAreScaled) {
  Graph g = network(false, {1, -2, 0, 0.5f});
  const auto folded = fold_batch_norms(g);
  verify(g);
  ASSERT_EQ(folded.size(), 1u);
  EXPECT_EQ(folded[0], (std::pair<std::string, std::string>{"conv", "bn"}));
  ASSERT_EQ(g.nodes.size(), 1u);
  const auto w = g.value(g.find_value("conv.weight")).data.data<float>();
  const double f1 = -2 / std::sqrt(4 + static_cast<double>(1e-5f));
  EXPECT_EQ(w[2], static_cast<float>(0.5 * f1));
  EXPECT_EQ(w[4], 0.0f);
  const auto b = g.value(g.nodes[0].inputs[2]).data.data<float>();
  EXPECT_EQ(b[2], 3.0f);  // gamma = 0: the output is beta
  EXPECT_NEAR(b[1], 2 + 1 * f1, 1e-6);
}

TEST(FoldBatchNorm, CodedWeightsKeepTheirIntegers) {
  Graph before = network(true, {1, -2, 0, 0.5f}), after = clone(before);
  ASSERT_EQ(fold_batch_norms(after).size(), 1u);
  verify(after);
  ASSERT_EQ(after.nodes.size(), 2u);
  const QuantRange old_range = quant_range(before, before.nodes[0]), range = quant_range(after, after.nodes[0]);
  const auto w0 = before.value(before.find_value("conv.weight")).data.data<float>();
  const auto w1 = after.value(after.find_value("conv.weight")).data.data<float>();
  const int sign[] = {1, -1, 0, 1};
  for (size_t i = 0; i < 8; ++i) {
    const int q0 = quantize(w0[i], old_range.scale[i / 2], 0, -127, 127);
    const int q1 = quantize(w1[i], range.scale[i / 2], 0, -127, 127);
    EXPECT_EQ(q1, sign[i / 2] * q0) << "element " << i;
  }
  EXPECT_EQ(range.scale[2], 1.0f);
  EXPECT_EQ(range.scale[3], static_cast<float>(old_range.scale[3] * (0.5 / std::sqrt(9 + static_cast<double>(1e-5f)))));
}

TEST(FoldBatchNorm, AnOutputReadElsewhereStays) {
  Graph g = network(true, {1, 1, 1, 1});
  g.outputs.push_back(g.nodes[1].output);
  EXPECT_TRUE(fold_batch_norms(g).empty());
  EXPECT_EQ(g.nodes.size(), 3u);
}

TEST(FoldBatchNorm, TwoInARowBothFold) {
  Graph g = network(false, {1, 2, 3, 4});
  Node again = g.nodes[1];
  again.name = "bn2";
  again.inputs[0] = g.outputs[0];
  again.output = g.add_value({.name = "bn2"});
  g.nodes.push_back(again);
  g.outputs = {again.output};
  EXPECT_EQ(fold_batch_norms(g).size(), 2u);
  EXPECT_EQ(g.nodes.size(), 1u);
}

}  // namespace
}  // namespace qat::ir
