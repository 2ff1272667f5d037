// Rewrites before lowering: what moves, what stays, and that values stay what they were.
#include "ir/canonical.h"

#include <gtest/gtest.h>

#include "ir/interpret.h"
#include "ir/match.h"
#include "ir/shapes.h"
#include "ir/verify.h"

namespace qat::ir {
namespace {

Tensor values(const Shape& shape, float step = 0.37f) {
  Tensor t(DType::kF32, shape);
  float next = -3;
  for (float& x : t.data<float>()) x = next = next > 3 ? next - 6 : next + step;
  return t;
}

ValueId quantizer(Graph& g, const std::string& name, ValueId value, float scale) {
  const ValueId range = g.add_buffer(name + "._scale", Tensor::from<float>({scale}, {1}));
  return g.add_node(Op::kFakeQuant, name, {value, range}, FakeQuantAttrs{.range = RangeKind::kScale});
}

std::vector<Op> ops(const Graph& g) {
  std::vector<Op> found;
  for (const Node& node : g.nodes) found.push_back(node.op);
  return found;
}

// A network of one input [1,2,4,4].
struct Network {
  Graph g;
  ValueId x = g.add_input("input", {1, 2, 4, 4});

  ValueId add(Op op, const std::string& name, std::vector<ValueId> inputs, Attrs attrs = {}) {
    return g.add_node(op, name, std::move(inputs), std::move(attrs));
  }
  ValueId pool(ValueId value) {
    return add(Op::kMaxPool, "pool", {value}, PoolAttrs{.kernel = {2, 2}, .stride = {2, 2}});
  }

  // Ends in `output`; the rewrite gives a graph of `expected` operators and the same values.
  void expect(ValueId output, void (*rewrite)(Graph&), const std::vector<Op>& expected) {
    g.outputs = {output};
    infer_shapes(g);
    const Tensor images = values({1, 2, 4, 4}), before = interpret(g, {images}).outputs[0];
    rewrite(g);
    verify(g);
    infer_shapes(g);
    EXPECT_EQ(ops(g), expected);
    const Tensor after = interpret(g, {images}).outputs[0];
    ASSERT_EQ(after.shape(), before.shape());
    for (int64_t i = 0; i < after.size(); ++i) {
      const auto at = static_cast<size_t>(i);
      EXPECT_NEAR(after.data<float>()[at], before.data<float>()[at], 1e-6f) << "value " << i;
    }
  }
};

TEST(RemoveIdentities, IdentityAndDropoutGo) {
  Network n;
  const ValueId first = n.add(Op::kIdentity, "identity", {n.x});
  const ValueId relu = n.add(Op::kRelu, "relu", {first});
  n.expect(n.add(Op::kDropout, "dropout", {relu}, DropoutAttrs{}), remove_identities, {Op::kRelu});
}

TEST(RemoveIdentities, AnOutputThatIsTheInput) {
  Network n;
  n.expect(n.add(Op::kIdentity, "identity", {n.x}), remove_identities, {});
  EXPECT_EQ(n.g.outputs, n.g.inputs);
}

TEST(CanonicalizeMeans, WithoutAxesAFlattenFollows) {
  for (const std::vector<int64_t>& axes : {std::vector<int64_t>{2, 3}, {-1, 2}}) {
    Network n;
    const ValueId mean = n.add(Op::kReduceMean, "mean", {n.x}, ListAttrs{.values = axes, .keep_dims = false});
    n.expect(n.add(Op::kRelu, "relu", {mean}), canonicalize_means, {Op::kGlobalAvgPool, Op::kFlatten, Op::kRelu});
    EXPECT_EQ(n.g.value(n.g.outputs[0]).dims, (Dims{1, 2}));
  }
}

TEST(CanonicalizeMeans, WithAxesItIsThePoolAlone) {
  Network n;
  n.expect(n.add(Op::kReduceMean, "mean", {n.x}, ListAttrs{.values = {2, 3}}), canonicalize_means,
           {Op::kGlobalAvgPool});
}

TEST(CanonicalizeMeans, OtherAxesStay) {
  Network n;
  n.expect(n.add(Op::kReduceMean, "mean", {n.x}, ListAttrs{.values = {1, 2}}), canonicalize_means, {Op::kReduceMean});
}

TEST(CommuteQuantizers, MoveBeforeWhatMovesIntegers) {
  Network n;
  const ValueId flat = n.add(Op::kFlatten, "flatten", {n.pool(n.add(Op::kRelu, "relu", {n.x}))}, AxisAttrs{});
  n.expect(quantizer(n.g, "q", flat, 0.25f), commute_quantizers,
           {Op::kRelu, Op::kFakeQuant, Op::kMaxPool, Op::kFlatten});
}

// Engines transpose floats: a quantizer before it would leave the layer behind it without integers.
TEST(CommuteQuantizers, StayBehindATranspose) {
  Network n;
  const ValueId turned = n.add(Op::kTranspose, "turn", {n.x}, ListAttrs{.values = {0, 1, 3, 2}});
  n.expect(quantizer(n.g, "q", turned, 0.25f), commute_quantizers, {Op::kTranspose, Op::kFakeQuant});
}

TEST(CommuteQuantizers, StayWhereOthersReadTheValue) {
  Network n;
  const ValueId pool = n.pool(n.x);
  const ValueId sum = n.add(Op::kAdd, "sum", {pool, quantizer(n.g, "q", pool, 0.25f)});
  n.expect(sum, commute_quantizers, {Op::kMaxPool, Op::kFakeQuant, Op::kAdd});
}

TEST(CommuteQuantizers, EqualOnesMergeOthersStay) {
  Network n;
  const ValueId a = quantizer(n.g, "a", n.x, 0.25f), b = quantizer(n.g, "b", n.x, 0.25f);
  const ValueId sum = n.add(Op::kAdd, "sum", {a, b});
  n.expect(n.add(Op::kAdd, "sum2", {sum, quantizer(n.g, "c", n.x, 0.5f)}), commute_quantizers,
           {Op::kFakeQuant, Op::kAdd, Op::kFakeQuant, Op::kAdd});
}

TEST(CommuteQuantizers, BeforeAConcatThereIsOneAnInput) {
  Network n;
  const ValueId joined = n.add(Op::kConcat, "concat", {n.x, n.add(Op::kRelu, "relu", {n.x})}, AxisAttrs{});
  n.expect(quantizer(n.g, "q", joined, 0.25f), commute_quantizers,
           {Op::kRelu, Op::kFakeQuant, Op::kFakeQuant, Op::kConcat});
}

TEST(CommuteQuantizers, AConcatOfOtherIntegersRequantizes) {
  Network n;
  const ValueId joined = n.add(Op::kConcat, "concat", {quantizer(n.g, "a", n.x, 0.5f), n.x}, AxisAttrs{});
  n.expect(quantizer(n.g, "q", joined, 0.25f), commute_quantizers, {Op::kFakeQuant, Op::kConcat, Op::kFakeQuant});
}

TEST(FoldConstants, AWeightsQuantizerStays) {
  Network n;
  const ValueId weight = n.g.add_parameter("weight", values({32, 3}));
  const ValueId turned = n.add(Op::kTranspose, "turn", {weight}, ListAttrs{.values = {1, 0}});
  const ValueId flat = n.add(Op::kFlatten, "flatten", {n.x}, AxisAttrs{});
  n.expect(n.add(Op::kGemm, "fc", {flat, quantizer(n.g, "qw", turned, 0.1f)}), fold_constants,
           {Op::kFlatten, Op::kFakeQuant, Op::kGemm});
}

TEST(LowerBatchNorms, OfIntegersAreLayersOfIntegers) {
  for (const bool quantized : {false, true}) {
    Network n;
    std::vector<ValueId> inputs{quantized ? quantizer(n.g, "q", n.x, 0.25f) : n.x};
    inputs.push_back(n.g.add_parameter("bn.weight", Tensor::from<float>({2, -1}, {2})));
    inputs.push_back(n.g.add_parameter("bn.bias", Tensor::from<float>({0.5f, 1}, {2})));
    inputs.push_back(n.g.add_buffer("bn.running_mean", Tensor::from<float>({1, 2}, {2})));
    inputs.push_back(n.g.add_buffer("bn.running_var", Tensor::from<float>({4, 1}, {2})));
    const ValueId norm = n.add(Op::kBatchNorm, "bn", inputs, BatchNormAttrs{});
    n.expect(norm, lower_batch_norms,
             quantized ? std::vector<Op>{Op::kFakeQuant, Op::kFakeQuant, Op::kConv} : std::vector<Op>{Op::kConv});
  }
}

TEST(MakeCanonical, ShapesAreThoseOfTheRewrittenGraph) {
  Network n;
  const ValueId mean = n.add(Op::kReduceMean, "mean", {n.x}, ListAttrs{.values = {2, 3}, .keep_dims = false});
  n.expect(quantizer(n.g, "q", mean, 0.25f), make_canonical, {Op::kGlobalAvgPool, Op::kFakeQuant, Op::kFlatten});
  EXPECT_EQ(n.g.value(n.g.nodes[0].output).dims, (Dims{1, 2, 1, 1}));
}

}  // namespace
}  // namespace qat::ir
