// The module against the reference interpreter: float logits, quantized logits, layers, calibration's view.
#include "train/graph_module.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ir/fold_batch_norm.h"
#include "ir/interpret.h"
#include "ir/random_graph.h"
#include "quant/placement.h"
#include "zoo/zoo.h"

namespace qat::train {
namespace {

ir::Graph random_net(const std::string& name, int64_t channels) {
  ir::Graph graph = zoo::build(name, {.in_channels = channels, .classes = 11});
  ir::randomize(graph);
  return graph;
}

// Worst difference / largest magnitude of `want`.
double worst(const Tensor& got, const Tensor& want) {
  EXPECT_EQ(got.shape(), want.shape());
  double difference = 0, largest = 0;
  for (size_t i = 0; i < want.data<float>().size(); ++i) {
    const double w = want.data<float>()[i];
    difference = std::max(difference, std::fabs(static_cast<double>(got.data<float>()[i]) - w));
    largest = std::max(largest, std::fabs(w));
  }
  return difference / largest;
}

struct Net {
  const char* name;
  int64_t channels, height, width;
};

TEST(GraphModule, FloatLogitsEqualTheInterpreters) {
  for (const Net& net : {Net{"resnet8", 1, 29, 27}, Net{"resnet18", 3, 49, 65}, Net{"mobilenet_v2", 3, 33, 47}}) {
    const ir::Graph graph = random_net(net.name, net.channels);
    const Tensor x = ir::random_tensor({3, net.channels, net.height, net.width}, 5, -2, 2);
    GraphModule module(ir::clone(graph), {});
    EXPECT_LE(worst(module.logits(x), ir::interpret(graph, {x}).outputs.at(0)), 1e-4) << net.name;
  }
}

// Places quantizers and sets every range to the largest magnitude on x.
GraphModule quantized_module(const ir::Graph& graph, const Tensor& x, ModuleOptions options = {}) {
  options.weight_ranges = WeightRangeMode::kStep;
  GraphModule module(quant::place(graph, {}), options);
  const auto quantizers = quant::activation_quantizers(module.graph());
  module.observe(x, [&](size_t quantizer, std::span<const float> values) {
    const ir::Node& node = module.graph().nodes[static_cast<size_t>(quantizers[quantizer])];
    float& range = module.graph().value(node.inputs[1]).data.data<float>()[0];
    for (float v : values) range = std::max(range, std::fabs(v));
  });
  module.weights_changed();
  return module;
}

TEST(GraphModule, QuantizedLogitsEqualTheInterpretersUpToTies) {
  for (const Net& net : {Net{"resnet8", 1, 29, 27}, Net{"mobilenet_v2", 3, 33, 47}}) {
    const ir::Graph graph = random_net(net.name, net.channels);
    const Tensor x = ir::random_tensor({4, net.channels, net.height, net.width}, 6, -2, 2);
    GraphModule module = quantized_module(graph, x);
    const Tensor got = module.logits(x);
    ir::Graph folded = ir::clone(module.graph());
    ir::fold_batch_norms(folded);
    const Tensor want = ir::interpret(folded, {x}).outputs.at(0);
    // Both sum integers exactly; they differ where a value lies within an ulp of a tie: by a step of one tensor then.
    EXPECT_LE(worst(got, want), 2e-2) << net.name;
    size_t close = 0;
    for (size_t i = 0; i < want.data<float>().size(); ++i) {
      close += std::fabs(got.data<float>()[i] - want.data<float>()[i]) <= 1e-5f * std::fabs(want.data<float>()[i]);
    }
    EXPECT_GE(close * 10, want.data<float>().size() * 5) << net.name << ": too many logits differ";
    // And quantization does what it should: near the float logits, not equal to them.
    const double apart = worst(got, ir::interpret(graph, {x}).outputs.at(0));
    EXPECT_GT(apart, 1e-4) << net.name;
    EXPECT_LT(apart, 0.7) << net.name;
  }
}

TEST(GraphModule, LayersAreTheInterpretersByName) {
  const ir::Graph graph = random_net("resnet8", 1);
  const Tensor x = ir::random_tensor({2, 1, 15, 17}, 7, -2, 2);
  GraphModule module(ir::clone(graph), {});
  const auto layers = module.layers(x);
  const auto all = ir::interpret(graph, {x}, {.keep_all = true}).activations;
  for (const ir::Node& node : graph.nodes) {
    ASSERT_TRUE(layers.contains(node.name)) << node.name;
    EXPECT_LE(worst(layers.at(node.name), all.at(node.output)), 1e-4) << node.name;
  }
}

TEST(GraphModule, MovingRangesFollowTheLargestMagnitude) {
  const ir::Graph graph = random_net("resnet8", 1);
  const Tensor x = ir::random_tensor({4, 1, 16, 16}, 8, -2, 2);
  GraphModule module = quantized_module(graph, x, {.ranges = RangeMode::kMoving, .range_momentum = 0.25f});
  const auto quantizers = quant::activation_quantizers(module.graph());
  const ir::Node& first = module.graph().nodes[static_cast<size_t>(quantizers.at(0))];  // the image's
  float& range = module.graph().value(first.inputs[1]).data.data<float>()[0];
  const float seen = range;
  range = 4 * seen;
  const std::vector<int64_t> labels{0, 1, 2, 3};
  module.train_step({.images = x, .labels = labels});
  EXPECT_NEAR(range, 4 * seen + 0.25f * (seen - 4 * seen), 1e-5f * seen);
}

TEST(GraphModule, EqualSeedsAndThreadsGiveEqualGradients) {
  const ir::Graph graph = random_net("mobilenet_v2", 3);  // has dropout
  const Tensor x = ir::random_tensor({6, 3, 32, 32}, 9, -2, 2);
  const std::vector<int64_t> labels{0, 1, 2, 3, 4, 5};
  std::vector<std::vector<float>> runs;
  for (uint64_t seed : {uint64_t{5}, uint64_t{5}, uint64_t{6}}) {
    GraphModule module(ir::clone(graph), {.threads = 2});
    module.train_step({.images = x, .labels = labels, .dropout_seed = seed});
    std::vector<float> all;
    for (const ParamView& p : module.parameters()) all.insert(all.end(), p.gradient.begin(), p.gradient.end());
    runs.push_back(std::move(all));
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_NE(runs[0], runs[2]) << "dropout ignores its seed";
}

TEST(GraphModule, LabelsOutOfRangeAreRefused) {
  GraphModule module(random_net("resnet8", 1), {});
  const std::vector<int64_t> labels{11};
  EXPECT_THROW(module.train_step({.images = ir::random_tensor({1, 1, 8, 8}, 1), .labels = labels}), Error);
}

// y = W fake_quant(x): the gradient of the learned range from the formula, by hand.
TEST(GraphModule, LearnedRangeGetsLsqsGradient) {
  ir::Graph g;
  const Tensor x = ir::random_tensor({5, 7}, 1, -3, 3), w = ir::random_tensor({3, 7}, 2);
  const ir::ValueId in = g.add_input("input", {ir::kDynamic, 7});
  const ir::ValueId range = g.add_buffer("fc._input_quantizer._amax", Tensor::from<float>({2.0f}, {}));
  const ir::ValueId q = g.add_node(ir::Op::kFakeQuant, "q", {in, range}, ir::FakeQuantAttrs{});
  g.outputs = {g.add_node(ir::Op::kGemm, "fc", {q, g.add_parameter("fc.weight", w.clone())})};
  GraphModule module(std::move(g), {.ranges = RangeMode::kLearned});
  const std::vector<int64_t> labels{0, 1, 2, 0, 1};
  module.train_step({.images = x, .labels = labels});

  const float s = 2.0f / 127.0f;
  double want = 0;
  for (size_t n = 0; n < 5; ++n) {
    double logits[3] = {}, sum = 0, slope[7];
    for (size_t c = 0; c < 7; ++c) {
      const float t = x.data<float>()[n * 7 + c] / s, r = std::rint(t);
      const float value = std::fmin(std::fmax(r, -128.0f), 127.0f);
      slope[c] = r == value ? static_cast<double>(r - t) : static_cast<double>(value);
      for (size_t k = 0; k < 3; ++k) logits[k] += static_cast<double>(value * s) * w.data<float>()[k * 7 + c];
    }
    for (double l : logits) sum += std::exp(l);
    for (size_t c = 0; c < 7; ++c) {
      double g_c = 0;
      for (size_t k = 0; k < 3; ++k) {
        const double p = std::exp(logits[k]) / sum - (labels[n] == static_cast<int64_t>(k) ? 1.0 : 0.0);
        g_c += p / 5 * w.data<float>()[k * 7 + c];
      }
      want += g_c * slope[c];
    }
  }
  want *= 127.0 / std::sqrt(7.0 * 127.0);
  for (const ParamView& p : module.parameters()) {
    if (p.kind != ParamKind::kRange) continue;
    ASSERT_EQ(p.gradient.size(), 1u);
    EXPECT_NEAR(p.gradient[0], want, 1e-4 * std::fabs(want));
    return;
  }
  FAIL() << "the range is no parameter";
}

}  // namespace
}  // namespace qat::train
