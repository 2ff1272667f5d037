// Graphs of rare form that compile all the same: a value read in two roles, two names for one int8 tensor.
#include <gtest/gtest.h>

#include "engine/compile/test_networks.h"
#include "engine/runtime/session.h"
#include "ir/interpret.h"

namespace qat::engine {
namespace {

using ir::Op;
using ir::ValueId;

Tensor random_values(const Shape& shape, uint64_t seed, float by = 0.1f) {
  Tensor t = test::random_images(shape, seed);
  for (float& x : t.data<float>()) x *= by;
  return t;
}

ValueId fake_quant(ir::Graph& graph, const std::string& name, ValueId value, float by) {
  const ValueId range = graph.add_buffer(name + "._scale", Tensor::from<float>({by}, {1}));
  return graph.add_node(Op::kFakeQuant, name, {value, range}, ir::FakeQuantAttrs{.range = ir::RangeKind::kScale});
}

// The engine of `graph`, against the interpreter of the graph it was lowered to.
void expect_runs(const ir::Graph& graph, const std::string& precision, const std::vector<std::string>& disabled = {}) {
  SCOPED_TRACE(graph.name + ", " + precision);
  const InputShape shape{2, 3, 7, 5};
  BuildRequest request{.graph = graph, .profile = {shape, shape, shape}, .precision = precision};
  request.tactic_seconds = 0;
  request.disabled_passes = disabled;
  const auto plan = std::make_shared<const Plan>(build(request).plan);
  Session session(plan, {.threads = 1});
  session.bind(shape);
  const Tensor images = test::random_images({2, 3, 7, 5}, 3);
  std::vector<float> got(static_cast<size_t>(count(session.output_shape(0))));
  session.run(images.raw(), {got.data()});
  PassContext context;
  context.int8 = precision == "int8";
  const Tensor expected = ir::interpret(run_passes(graph, disabled, context), {images}).outputs[0];
  ASSERT_EQ(got.size(), static_cast<size_t>(expected.size()));
  for (size_t i = 0; i < got.size(); ++i) {
    // Float steps sum in another order than the interpreter: 105 terms of size 0.1.
    ASSERT_NEAR(got[i], expected.data<float>()[i], 1e-4f) << "logit " << i;
  }
}

// y = f + fc(f), f = flatten(x): the Add goes into fc's epilogue, so that fc reads f as its x and as its skip.
TEST(OddGraphs, AFlattenThatIsInputAndSkipOfOneGemm) {
  constexpr int64_t kFeatures = 3 * 7 * 5;
  ir::Graph graph;
  graph.name = "flatten_skip";
  const ValueId x = graph.add_input("input", {ir::kDynamic, 3, 7, 5});
  const ValueId f = graph.add_node(Op::kFlatten, "flatten", {x}, ir::AxisAttrs{});
  const ValueId fc = graph.add_node(Op::kGemm, "fc",
                                    {f, graph.add_parameter("fc.weight", random_values({kFeatures, kFeatures}, 5)),
                                     graph.add_parameter("fc.bias", random_values({kFeatures}, 6))});
  graph.outputs = {graph.add_node(Op::kAdd, "add", {f, fc})};
  expect_runs(graph, "fp32");
  expect_runs(test::quantize_by_interpreter(graph, {2, 3, 7, 5}), "int8");
}

// Two equal quantizers of one convolution, each read by a float operator: one int8 tensor, dequantized once.
TEST(OddGraphs, EqualQuantizersWithFloatReaders) {
  ir::Graph graph;
  graph.name = "equal_quantizers";
  const ValueId x = graph.add_input("input", {ir::kDynamic, 3, 7, 5});
  const ValueId weight = graph.add_parameter("conv.weight", random_values({4, 3, 3, 3}, 7));
  const ValueId conv = graph.add_node(
      Op::kConv, "conv", {fake_quant(graph, "q", x, 0.03f), fake_quant(graph, "qw", weight, 0.004f)}, ir::ConvAttrs{});
  const ValueId left = graph.add_node(Op::kTanh, "tanh", {fake_quant(graph, "q1", conv, 0.02f)});
  const ValueId right = graph.add_node(Op::kSigmoid, "sigmoid", {fake_quant(graph, "q2", conv, 0.02f)});
  const ValueId sum = graph.add_node(Op::kAdd, "add", {left, right});
  graph.outputs = {graph.add_node(Op::kFlatten, "flatten", {sum}, ir::AxisAttrs{})};
  expect_runs(graph, "int8", {"commute_quantizers"});  // which would merge the two
  expect_runs(graph, "int8");
}

// What ONNX Runtime's quantizer writes: the Flatten behind the pooling is no step, but the output has its rank.
TEST(OddGraphs, AViewOfAPixelThatEndsInAQuantizer) {
  for (const bool twice : {false, true}) {
    ir::Graph graph;
    graph.name = "pooled_output";
    const ValueId x =
        fake_quant(graph, "q", graph.add_input("input", {ir::kDynamic, 3, ir::kDynamic, ir::kDynamic}), 0.03f);
    const ValueId pool = fake_quant(graph, "qp", graph.add_node(Op::kGlobalAvgPool, "pool", {x}), 0.02f);
    ValueId view = graph.add_node(Op::kFlatten, "flatten", {pool}, ir::AxisAttrs{});
    if (twice) view = graph.add_node(Op::kReshape, "reshape", {view}, ir::ListAttrs{.values = {0, 3}});
    graph.outputs = {fake_quant(graph, "qf", view, 0.02f)};
    expect_runs(graph, "int8");
    expect_runs(graph, "int8", {"commute_quantizers"});
    const Plan plan = test::build_int8(graph, {1, 3, 5, 5}, {2, 3, 7, 7});
    EXPECT_EQ(plan.outputs.at(0).rank, 2);
    EXPECT_EQ(plan.outputs.at(0).channels, 3);
  }
}

// A view that is made a step at the end, behind another output.
TEST(OddGraphs, TwoOutputsOneOfThemAView) {
  ir::Graph graph;
  graph.name = "two_outputs";
  const ValueId x =
      fake_quant(graph, "q", graph.add_input("input", {ir::kDynamic, 3, ir::kDynamic, ir::kDynamic}), 0.03f);
  const ValueId pool = fake_quant(graph, "qp", graph.add_node(Op::kGlobalAvgPool, "pool", {x}), 0.02f);
  const ValueId view = graph.add_node(Op::kFlatten, "flatten", {pool}, ir::AxisAttrs{});
  graph.outputs = {pool, fake_quant(graph, "qf", view, 0.02f)};
  const Plan plan = test::build_int8(graph, {1, 3, 5, 5}, {2, 3, 7, 7});
  EXPECT_EQ(plan.outputs.at(0).rank, 4);
  EXPECT_EQ(plan.outputs.at(1).rank, 2);
}

}  // namespace
}  // namespace qat::engine
