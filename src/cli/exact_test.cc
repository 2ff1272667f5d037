// LibTorch's exact evaluation of quantized graphs against their engines: the same logits to the last bit.
//
// Weights on a grid of h and outputs of 2 h make half of all results lie exactly between two integers, M being 1/2; a
// product of h that is divided by 2 h afterwards leaves that place by its rounding.
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/random.h"
#include "engine/compile/build.h"
#include "engine/compile/test_networks.h"
#include "eval/compare.h"
#include "eval/engine_classifier.h"
#include "train/train.h"

namespace qat::cli {
namespace {

using ir::Op;
using ir::ValueId;

constexpr float kH = 0.7f;
constexpr int64_t kImages = 24, kIn = 3, kSide = 8, kOut = 16, kClasses = 10;

Tensor filled(Shape shape, float value) {
  Tensor t(DType::kF32, std::move(shape));
  for (float& x : t.data<float>()) x = value;
  return t;
}

Tensor integers(Shape shape, uint64_t seed, int64_t largest, float unit) {
  Tensor t(DType::kF32, std::move(shape));
  Random random(seed);
  for (float& x : t.data<float>()) x = static_cast<float>(random.below(2 * largest + 1) - largest) * unit;
  return t;
}

// Graphs of layers between quantizers.
struct Builder {
  ir::Graph graph;
  ValueId image = ir::kNone;  // its integers

  Builder() {
    graph.name = "exact";
    image = quantizer("q0", graph.add_input("input", {ir::kDynamic, kIn, kSide, kSide}), 1);
  }

  ValueId quantizer(const std::string& name, ValueId value, float scale, int lo = -128) {
    const ValueId range = graph.add_buffer(name + "._scale", Tensor::from<float>({scale}, {1}));
    return graph.add_node(Op::kFakeQuant, name, {value, range},
                          ir::FakeQuantAttrs{.range = ir::RangeKind::kScale, .lo = lo});
  }
  // u8 around 128.
  ValueId asymmetric(const std::string& name, ValueId value, float scale) {
    const ValueId range = graph.add_buffer(name + "._scale", Tensor::from<float>({scale}, {1}));
    const ValueId zero = graph.add_buffer(name + "._zero", Tensor::from<float>({128}, {1}));
    return graph.add_node(Op::kFakeQuant, name, {value, range, zero},
                          ir::FakeQuantAttrs{.range = ir::RangeKind::kScale, .lo = 0, .hi = 255});
  }
  ValueId weight(const std::string& name, Shape shape) {
    const Tensor values = integers(std::move(shape), graph.nodes.size(), 2, kH);
    return quantizer(name + ".qw", graph.add_parameter(name + ".weight", values), kH, -127);
  }
  // A convolution of the image, and its ReLU.
  ValueId sums(const std::string& name) {
    const ir::ConvAttrs attrs{.pads = {1, 1, 1, 1}};
    return graph.add_node(Op::kConv, name, {image, weight(name, {kOut, kIn, 3, 3})}, attrs);
  }
  ValueId conv(const std::string& name) { return graph.add_node(Op::kRelu, name + ".relu", {sums(name)}); }
  // Class scores of the image's integers, or of others of its size.
  ValueId gemm(const std::string& name, ValueId value) {
    const ValueId flat = graph.add_node(Op::kFlatten, name + ".flatten", {value}, ir::AxisAttrs{});
    return graph.add_node(Op::kGemm, name, {flat, weight(name, {kOut, kIn * kSide * kSide})});
  }
  ValueId batch_norm(ValueId value, int64_t channels) {
    std::vector<ValueId> inputs{value, graph.add_parameter("bn.weight", filled({channels}, kH))};
    inputs.push_back(graph.add_parameter("bn.bias", filled({channels}, 0)));
    inputs.push_back(graph.add_buffer("bn.running_mean", filled({channels}, 0)));
    inputs.push_back(graph.add_buffer("bn.running_var", filled({channels}, 1)));
    return graph.add_node(Op::kBatchNorm, "bn", std::move(inputs), ir::BatchNormAttrs{.eps = 0});
  }
  ValueId node(Op op, std::vector<ValueId> inputs, ir::Attrs attrs = {}) {
    return graph.add_node(op, "form", std::move(inputs), std::move(attrs));
  }
  // Class scores of integers of 2 h: a step more or less in one of them changes all.
  void classify(ValueId value, int64_t features) {
    const ValueId flat = graph.add_node(Op::kFlatten, "flatten", {value}, ir::AxisAttrs{});
    graph.outputs = {graph.add_node(Op::kGemm, "fc", {flat, weight("fc", {kClasses, features})})};
  }
};

// floats: of operators that the engine has no integers for.
void expect_equal_logits(const ir::Graph& graph, const Tensor& images, size_t floats) {
  if (!QAT_HAS_TRAIN) GTEST_SKIP() << "the training plugin is not built";
  const engine::InputShape shape{images.dim(0), images.dim(1), images.dim(2), images.dim(3)};
  engine::BuildRequest request{.graph = ir::clone(graph), .profile = {shape, shape, shape}, .precision = "int8"};
  request.tactic_seconds = 0;
  engine::BuildResult built = engine::build(std::move(request));
  EXPECT_EQ(built.report.not_int8.size(), floats) << join(built.report.not_int8, "; ");
  const Tensor engine = eval::open_engine(std::move(built.plan), eval::EngineOptions{})->logits(images);
  const Tensor exact = train::train_plugin().classifier(ir::clone(graph), train::Where{})->logits(images);
  int differ = 0;
  for (size_t i = 0; i < exact.data<float>().size(); ++i) differ += exact.data<float>()[i] != engine.data<float>()[i];
  EXPECT_EQ(differ, 0) << "largest difference: " << eval::difference(exact, engine).max_abs;
}

void expect_equal_logits(const ir::Graph& graph, size_t floats = 0) {
  expect_equal_logits(graph, integers({kImages, kIn, kSide, kSide}, 1, 9, 1), floats);
}

TEST(Exact, AQuantizerBehindTheLayer) {
  Builder b;
  b.classify(b.quantizer("q1", b.conv("conv"), 2 * kH), kOut * kSide * kSide);
  expect_equal_logits(b.graph);
}

TEST(Exact, AnAsymmetricQuantizerBehindTheLayer) {
  Builder b;
  b.classify(b.asymmetric("q1", b.sums("conv"), 2 * kH), kOut * kSide * kSide);
  expect_equal_logits(b.graph);
}

TEST(Exact, AQuantizerBehindAMaxPool) {
  Builder b;
  const ValueId pool = b.node(Op::kMaxPool, {b.conv("conv")}, ir::PoolAttrs{.kernel = {2, 2}, .stride = {2, 2}});
  b.classify(b.quantizer("q1", pool, 2 * kH), kOut * kSide * kSide / 4);
  expect_equal_logits(b.graph);
}

TEST(Exact, AQuantizerBehindADropout) {
  Builder b;
  const ValueId dropout = b.node(Op::kDropout, {b.conv("conv")}, ir::DropoutAttrs{.p = 0.5f});
  b.classify(b.quantizer("q1", dropout, 2 * kH), kOut * kSide * kSide);
  expect_equal_logits(b.graph);
}

TEST(Exact, AQuantizerBehindAConcat) {
  Builder b;
  const ValueId joined = b.node(Op::kConcat, {b.conv("conv1"), b.conv("conv2")}, ir::AxisAttrs{1});
  b.classify(b.quantizer("q1", joined, 2 * kH), 2 * kOut * kSide * kSide);
  expect_equal_logits(b.graph);
}

TEST(Exact, EqualQuantizersOfOneValue) {
  Builder b;
  const ValueId x = b.conv("conv"), q1 = b.quantizer("q1", x, 2 * kH), q2 = b.quantizer("q2", x, 2 * kH);
  b.classify(b.node(Op::kConcat, {q1, q2}, ir::AxisAttrs{1}), 2 * kOut * kSide * kSide);
  expect_equal_logits(b.graph);
}

TEST(Exact, ASumOfIntegersOfTwoScales) {
  Builder b;
  const ValueId q1 = b.quantizer("q1", b.conv("conv1"), kH), q2 = b.quantizer("q2", b.conv("conv2"), 2 * kH);
  b.classify(b.quantizer("q3", b.node(Op::kAdd, {q1, q2}), 2 * kH), kOut * kSide * kSide);
  expect_equal_logits(b.graph);
}

// A sum of 64 integers of h, over 64 * 2 h.
TEST(Exact, AMeanOverTheImage) {
  Builder b;
  const ValueId mean = b.node(Op::kReduceMean, {b.quantizer("q1", b.conv("conv"), 64 * kH)},
                              ir::ListAttrs{.values = {2, 3}, .keep_dims = false});
  b.classify(b.quantizer("q2", mean, 2 * kH), kOut);
  expect_equal_logits(b.graph);
}

// The mean has the shape of the Gemm's result only once the axes are gone.
TEST(Exact, ASumOfAMeanAndAGemm) {
  Builder b;
  const ValueId mean = b.node(Op::kReduceMean, {b.quantizer("q1", b.conv("conv"), kH)},
                              ir::ListAttrs{.values = {2, 3}, .keep_dims = false});
  const ValueId q2 = b.quantizer("q2", mean, kH), q3 = b.quantizer("q3", b.gemm("gemm", b.image), 2 * kH);
  const ValueId sum = b.graph.add_node(Op::kAdd, "sum", {q2, q3});
  b.classify(b.quantizer("q4", sum, 2 * kH), kOut);
  expect_equal_logits(b.graph);
}

TEST(Exact, AWeightBehindATranspose) {
  Builder b;
  const Tensor values = integers({kIn * kSide * kSide, kOut}, 7, 2, kH);
  const ValueId turned = b.graph.add_node(Op::kTranspose, "turned", {b.graph.add_parameter("weight", values)},
                                          ir::ListAttrs{.values = {1, 0}});
  const ValueId flat = b.graph.add_node(Op::kFlatten, "flat", {b.image}, ir::AxisAttrs{});
  const ValueId sums = b.graph.add_node(Op::kGemm, "gemm", {flat, b.quantizer("qw", turned, kH, -127)});
  b.classify(b.quantizer("q1", sums, 2 * kH), kOut);
  expect_equal_logits(b.graph);
}

TEST(Exact, ABatchNormThatNoLayerTakes) {
  Builder b;
  const ValueId norm = b.batch_norm(b.quantizer("q1", b.conv("conv"), 1), kOut);
  b.classify(b.quantizer("q2", norm, 2 * kH), kOut * kSide * kSide);
  expect_equal_logits(b.graph);
}

TEST(Exact, AConcatOfIntegersOfTwoScales) {
  Builder b;
  const ValueId q1 = b.quantizer("q1", b.conv("conv1"), kH), q2 = b.quantizer("q2", b.conv("conv2"), 2 * kH);
  b.classify(b.quantizer("q3", b.node(Op::kConcat, {q1, q2}, ir::AxisAttrs{1}), 2 * kH), 2 * kOut * kSide * kSide);
  expect_equal_logits(b.graph);
}

// Products of h, over 2 h; alone and with an activation in those units behind them.
TEST(Exact, AProductOfIntegers) {
  for (const Op behind : {Op::kMul, Op::kRelu, Op::kHardSwish}) {
    Builder b;
    const ValueId q1 = b.quantizer("q1", b.sums("conv1"), kH), q2 = b.quantizer("q2", b.sums("conv2"), 1);
    ValueId product = b.node(Op::kMul, {q1, q2});
    if (behind != Op::kMul) product = b.graph.add_node(behind, "activation", {product});
    b.classify(b.quantizer("q3", product, 2 * kH), kOut * kSide * kSide);
    expect_equal_logits(b.graph);
  }
}

TEST(Exact, AGateOfAnImage) {
  Builder b;
  const ValueId q1 = b.quantizer("q1", b.conv("conv"), kH);
  const ValueId gate = b.quantizer("q2", b.graph.add_node(Op::kGlobalAvgPool, "pool", {q1}), 0.25f);
  b.classify(b.quantizer("q3", b.node(Op::kMul, {gate, q1}), 2 * kH), kOut * kSide * kSide);
  expect_equal_logits(b.graph);
}

TEST(Exact, ASumWithTwoReaders) {
  Builder b;
  const ValueId q1 = b.quantizer("q1", b.conv("conv1"), kH), q2 = b.quantizer("q2", b.conv("conv2"), 2 * kH);
  const ValueId sum = b.node(Op::kAdd, {q1, q2});
  const ValueId q3 = b.quantizer("q3", sum, 2 * kH), q4 = b.quantizer("q4", sum, 4 * kH);
  const ValueId twice = b.graph.add_node(Op::kAdd, "twice", {q3, q4});
  b.classify(b.quantizer("q5", twice, 2 * kH), kOut * kSide * kSide);
  expect_equal_logits(b.graph);
}

TEST(Exact, ASumThatIsTheOutput) {
  Builder b;
  const ValueId q1 = b.quantizer("q1", b.gemm("gemm1", b.image), kH);
  const ValueId q2 = b.quantizer("q2", b.gemm("gemm2", b.image), 2 * kH);
  b.graph.outputs = {b.node(Op::kAdd, {q1, q2})};
  expect_equal_logits(b.graph);
}

// The layer takes the Add in, where the other operand has integers; two layers are added as floats.
TEST(Exact, ASumOfALayer) {
  for (const bool integers : {true, false}) {
    Builder b;
    const ValueId other = b.sums("conv1");
    const ValueId sum = b.node(Op::kAdd, {integers ? b.quantizer("q1", other, kH) : other, b.sums("conv2")});
    const ValueId relu = b.graph.add_node(Op::kRelu, "relu", {sum});
    b.classify(b.quantizer("q2", relu, 2 * kH), kOut * kSide * kSide);
    expect_equal_logits(b.graph, integers ? 0 : 2);
  }
}

// Sums of 4 integers of 4 h, over 4 * 2 h; at the border over 1 or 2 of them where pads do not count.
TEST(Exact, AMeanOfWindows) {
  for (const bool pads_count : {true, false}) {
    Builder b;
    const ir::PoolAttrs attrs{
        .kernel = {2, 2}, .stride = {2, 2}, .pads = {1, 1, 1, 1}, .count_include_pad = pads_count};
    const ValueId pool = b.node(Op::kAvgPool, {b.quantizer("q1", b.conv("conv"), 4 * kH)}, attrs);
    b.classify(b.quantizer("q2", pool, 2 * kH), kOut * (kSide / 2 + 1) * (kSide / 2 + 1));
    expect_equal_logits(b.graph);
  }
}

// In a layer's epilogue, as a table, and as a float operator between a layer and a quantizer.
TEST(Exact, FunctionsOfOneValue) {
  for (const Op op : {Op::kHardSwish, Op::kSilu, Op::kSigmoid, Op::kHardSigmoid, Op::kLeakyRelu, Op::kTanh}) {
    for (const bool table : {false, true}) {
      SCOPED_TRACE(std::string(ir::name_of(op)) + (table ? ", a table" : ""));
      const bool epilogue = op == Op::kHardSwish || op == Op::kSilu;
      if (op == Op::kTanh && !table) continue;  // engines take the C library's
      Builder b;
      const ValueId sums = b.sums("conv");
      ir::Attrs attrs;
      if (op == Op::kHardSigmoid || op == Op::kLeakyRelu) attrs = ir::AlphaBetaAttrs{};
      const ValueId y = b.node(op, {table ? b.quantizer("q1", sums, 0.07f) : sums}, attrs);
      b.classify(b.quantizer("q2", y, epilogue ? 2 * kH : 1.0f / 128), kOut * kSide * kSide);
      expect_equal_logits(b.graph, table || epilogue ? 0 : 1);
    }
  }
}

// squeeze_excite: a Sigmoid and a LeakyRelu between a layer and a quantizer are float operators.
TEST(Exact, WholeNetworks) {
  for (const char* name : {"resnet8", "mobilenet_v2", "squeeze_excite"}) {
    SCOPED_TRACE(name);
    const Tensor images = engine::test::random_images({3, 3, 45, 61}, 5);
    expect_equal_logits(engine::test::quantized_network(name), images, name == std::string("squeeze_excite") ? 2 : 0);
  }
}

}  // namespace
}  // namespace qat::cli
