// How the test networks are made: see test_networks.h.
#include "engine/compile/test_networks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/random.h"
#include "engine/runtime/session.h"
#include "ir/interpret.h"
#include "zoo/zoo.h"

namespace qat::engine::test {

namespace {

using ir::Op;
using ir::ValueId;

// Builders of networks that the zoo does not have.
struct Maker {
  ir::Graph g;
  Random random{99};

  Tensor values(Shape shape, double lo, double hi) {
    Tensor t(DType::kF32, std::move(shape));
    for (float& x : t.data<float>()) x = static_cast<float>(random.uniform(lo, hi));
    return t;
  }
  ValueId conv(const std::string& name, ValueId x, Shape weight, ir::ConvAttrs attrs = {}, bool bias = false) {
    std::vector<ValueId> inputs{x, g.add_parameter(name + ".weight", values(weight, -0.5, 0.5))};
    if (bias) inputs.push_back(g.add_parameter(name + ".bias", values({weight[0]}, -0.5, 0.5)));
    return g.add_node(Op::kConv, name, inputs, attrs);
  }
  ValueId norm(const std::string& name, ValueId x, int64_t channels) {
    const Tensor one(DType::kF32, {channels});
    std::vector<ValueId> inputs{
        x, g.add_parameter(name + ".weight", one.clone()), g.add_parameter(name + ".bias", one.clone()),
        g.add_buffer(name + ".running_mean", one.clone()), g.add_buffer(name + ".running_var", one.clone())};
    return g.add_node(Op::kBatchNorm, name, inputs, ir::BatchNormAttrs{});
  }
  ValueId head(ValueId x, int64_t channels) {
    const ValueId pooled = g.add_node(Op::kGlobalAvgPool, "pool", {x});
    const ValueId flat = g.add_node(Op::kFlatten, "flatten", {pooled}, ir::AxisAttrs{});
    const ValueId y = g.add_node(Op::kGemm, "fc",
                                 {flat, g.add_parameter("fc.weight", values({7, channels}, -0.5, 0.5)),
                                  g.add_parameter("fc.bias", values({7}, -0.5, 0.5))});
    g.outputs = {y};
    return y;
  }
};

// Stem, SiLU, depthwise, squeeze-excite, HardSwish, LeakyRelu, a grouped Conv with uneven pads.
ir::Graph squeeze_excite() {
  Maker m;
  m.g.name = "squeeze_excite";
  ValueId x = m.g.add_input("input", {ir::kDynamic, 3, ir::kDynamic, ir::kDynamic});
  x = m.norm("bn1", m.conv("conv1", x, {13, 3, 3, 3}, {.stride = {2, 2}, .pads = {1, 1, 1, 1}}), 13);
  x = m.g.add_node(Op::kSilu, "silu", {x});
  x = m.norm("bn2", m.conv("dw", x, {13, 1, 5, 5}, {.pads = {2, 2, 2, 2}, .groups = 13}), 13);
  x = m.g.add_node(Op::kHardSwish, "hardswish", {x});
  ValueId gate = m.g.add_node(Op::kGlobalAvgPool, "se.pool", {x});
  gate = m.g.add_node(Op::kRelu, "se.relu", {m.conv("se.fc1", gate, {5, 13, 1, 1}, {}, true)});
  gate = m.g.add_node(Op::kSigmoid, "se.sigmoid", {m.conv("se.fc2", gate, {13, 5, 1, 1}, {}, true)});
  x = m.g.add_node(Op::kMul, "se.mul", {x, gate});
  x = m.norm("bn3", m.conv("project", x, {9, 13, 1, 1}), 9);
  x = m.g.add_node(Op::kLeakyRelu, "leaky", {x}, ir::AlphaBetaAttrs{.alpha = 0.1f});
  x = m.conv("grouped", x, {12, 3, 3, 3}, {.stride = {2, 1}, .pads = {0, 1, 1, 0}, .groups = 3});
  m.head(x, 12);
  return std::move(m.g);
}

// Concatenations, BatchNorms of their own, average pools.
ir::Graph dense() {
  Maker m;
  m.g.name = "dense";
  ValueId x = m.g.add_input("input", {ir::kDynamic, 3, ir::kDynamic, ir::kDynamic});
  x = m.g.add_node(Op::kRelu, "relu0", {m.norm("bn0", m.conv("conv0", x, {10, 3, 3, 3}, {.pads = {1, 1, 1, 1}}), 10)});
  int64_t channels = 10;
  for (const std::string block : {"a", "b"}) {
    ValueId y = m.g.add_node(Op::kRelu, block + ".relu", {m.norm(block + ".norm", x, channels)});
    y = m.conv(block + ".conv", y, {6, channels, 3, 3}, {.pads = {1, 1, 1, 1}});
    x = m.g.add_node(Op::kConcat, block + ".concat", {x, y}, ir::AxisAttrs{});
    channels += 6;
  }
  x = m.conv("squeeze", x, {12, channels, 1, 1});
  x = m.g.add_node(Op::kAvgPool, "avg", {x}, ir::PoolAttrs{.kernel = {2, 2}, .stride = {2, 2}});
  const ValueId left = m.g.add_node(Op::kRelu, "e1.relu", {m.conv("e1", x, {8, 12, 1, 1}, {}, true)});
  const ValueId right =
      m.g.add_node(Op::kRelu, "e3.relu", {m.conv("e3", x, {8, 12, 3, 3}, {.pads = {1, 1, 1, 1}}, true)});
  x = m.g.add_node(Op::kConcat, "expand", {left, right}, ir::AxisAttrs{});
  x = m.g.add_node(Op::kMaxPool, "max", {x}, ir::PoolAttrs{.kernel = {3, 3}, .stride = {2, 2}, .ceil_mode = true});
  x = m.conv("last", x, {11, 16, 1, 1}, {}, true);
  m.head(x, 11);
  return std::move(m.g);
}

// BatchNorms with spread statistics; every seventh gamma is zero, every third negative.
void randomize_norms(ir::Graph& graph, Random& random) {
  for (const ir::Node& node : graph.nodes) {
    if (node.op != Op::kBatchNorm) continue;
    for (size_t i = 1; i < 5; ++i) {
      auto data = graph.value(node.inputs[i]).data.data<float>();
      for (size_t c = 0; c < data.size(); ++c) {
        if (i == 1) data[c] = static_cast<float>(c % 7 == 6 ? 0 : random.uniform(0.5, 1.5) * (c % 3 == 2 ? -1 : 1));
        if (i == 2 || i == 3) data[c] = static_cast<float>(random.uniform(-0.3, 0.3));
        if (i == 4) data[c] = static_cast<float>(random.uniform(0.5, 2.0));
      }
    }
  }
}

}  // namespace

std::vector<std::string> network_names() {
  if (std::getenv("QAT_SLOW_TESTS") == nullptr) return {"resnet8", "mobilenet_v2", "squeeze_excite", "dense"};
  std::vector<std::string> names = zoo::names();
  names.insert(names.end(), {"squeeze_excite", "dense"});
  return names;
}

bool fixed_size(const std::string& name) { return name == "vgg16_bn"; }

ir::Graph float_network(const std::string& name) {
  if (name == "squeeze_excite" || name == "dense") {
    ir::Graph graph = name == "dense" ? dense() : squeeze_excite();
    Random random(5);
    randomize_norms(graph, random);
    return graph;
  }
  zoo::NetOptions options{.in_channels = 3, .classes = 11};
  if (fixed_size(name)) options.height = options.width = 224;
  ir::Graph graph = zoo::build(name, options);
  zoo::initialize(graph, 3);
  Random random(4);
  randomize_norms(graph, random);
  return graph;
}

Tensor random_images(const Shape& shape, uint64_t seed) {
  Tensor images(DType::kF32, shape);
  Random random(seed);
  for (float& x : images.data<float>()) x = static_cast<float>(random.normal());
  return images;
}

ir::Graph quantize_by_interpreter(const ir::Graph& graph, const Shape& shape, const quant::PlacementOptions& options) {
  ir::Graph placed = quant::place(graph, options);
  const auto values = ir::interpret(graph, {random_images(shape, 1)}, {.keep_all = true}).activations;
  std::map<std::string, float> largest;  // by the value's name in the float graph
  for (const auto& [id, tensor] : values) {
    for (const float x : tensor.data<float>()) {
      float& amax = largest[graph.value(id).name];
      amax = std::max(amax, std::abs(x));
    }
  }
  for (const ir::Node& node : placed.nodes) {
    if (node.op != Op::kFakeQuant) continue;
    Tensor& range = placed.value(node.inputs[1]).data;
    auto amax = range.data<float>();
    const ir::Value& x = placed.value(node.inputs[0]);
    if (x.role == ir::Role::kActivation) {
      amax[0] = std::max(amax[0], 0.8f * largest[x.name]);  // some values are clipped
      continue;
    }
    const auto w = x.data.data<float>();
    for (size_t i = 0; i < w.size(); ++i) {
      float& own = amax[i / (w.size() / amax.size())];
      own = std::max(own, std::abs(w[i]));
    }
  }
  return placed;
}

ir::Graph quantized_network(const std::string& name) {
  const int64_t size = fixed_size(name) ? 224 : 64;
  return quantize_by_interpreter(float_network(name), {1, 3, size, size});
}

Plan build_int8(const ir::Graph& graph, const InputShape& min, const InputShape& max) {
  BuildRequest request{.graph = graph, .profile = {min, min, max}, .precision = "int8"};
  if (graph.value(graph.inputs[0]).dims[2] != ir::kDynamic)
    request.profile = {{1, 3, 224, 224}, {1, 3, 224, 224}, {2, 3, 224, 224}};
  request.tactic_seconds = 0;
  return build(std::move(request)).plan;
}

std::vector<float> run_engine(const Plan& plan, const Tensor& images, int threads) {
  const auto shared = std::make_shared<const Plan>(plan);
  Session session(shared, {.threads = threads});
  session.bind({images.dim(0), images.dim(1), images.dim(2), images.dim(3)});
  std::vector<float> logits(static_cast<size_t>(count(session.output_shape(0))));
  session.run(images.raw(), {logits.data()});
  return logits;
}

void expect_equal(std::span<const float> expected, std::span<const float> got, const std::string& what) {
  ASSERT_EQ(expected.size(), got.size()) << what;
  size_t wrong = 0, first = 0;
  for (size_t i = expected.size(); i-- > 0;) {
    if (expected[i] == got[i]) continue;
    ++wrong;
    first = i;
  }
  EXPECT_EQ(wrong, 0u) << what << ": first at " << first << ", expected " << expected[first] << ", got " << got[first];
}

TEST(TestNetworks, HaveDeadAndNegativeChannels) {
  const ir::Graph graph = float_network("resnet8");
  int zero = 0, negative = 0;
  for (const ir::Node& node : graph.nodes) {
    if (node.op != Op::kBatchNorm) continue;
    for (const float gamma : graph.value(node.inputs[1]).data.data<float>()) zero += gamma == 0, negative += gamma < 0;
  }
  EXPECT_GT(zero, 0);
  EXPECT_GT(negative, 0);
}

}  // namespace qat::engine::test
