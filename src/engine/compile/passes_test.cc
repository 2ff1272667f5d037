// Every pass keeps what a network computes, judged by the interpreter; a checkpoint and its ONNX file lower alike.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "engine/compile/test_networks.h"
#include "io/onnx/onnx.h"
#include "ir/canonical.h"
#include "ir/fold_batch_norm.h"
#include "ir/interpret.h"
#include "ir/print.h"
#include "ir/shapes.h"

namespace qat::engine {
namespace {

struct Difference {
  double worst = 0, mean = 0;  // over the largest value
};
Difference difference(const Tensor& a, const Tensor& b) {
  const auto x = a.data<float>(), y = b.data<float>();
  double largest = 1e-30, worst = 0, sum = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    largest = std::max<double>(largest, std::abs(x[i]));
    worst = std::max<double>(worst, std::abs(x[i] - y[i]));
    sum += std::abs(x[i] - y[i]);
  }
  return {worst / largest, sum / static_cast<double>(x.size()) / largest};
}

// Runs the passes one after another and interprets after each.
template <class Check>
void each_pass(const std::string& name, bool int8, const Check& check) {
  ir::Graph graph = int8 ? test::quantized_network(name) : test::float_network(name);
  const Tensor images = test::random_images({2, 3, 45, 61}, 21);
  Tensor before = ir::interpret(graph, {images}).outputs[0];
  PassContext context;
  context.int8 = int8;
  ir::infer_shapes(graph);
  for (const Pass& pass : passes()) {
    graph = pass.run(std::move(graph), context);
    ir::infer_shapes(graph);
    const Tensor after = ir::interpret(graph, {images}).outputs[0];
    check(pass.name, difference(before, after));
    before = after;
  }
}

class Passes : public testing::TestWithParam<std::string> {};

TEST_P(Passes, KeepFloatResults) {
  each_pass(GetParam(), false, [](const std::string& pass, Difference d) { EXPECT_LE(d.worst, 1e-5) << pass; });
}

// Moving values past a quantizer's rounding flips one step now and then; the others change float sums in the last bit
// at most (a Gemm behind a Flatten is summed as floats).
TEST_P(Passes, KeepQuantizedResults) {
  const std::vector<std::string> rounding{"fold_batch_norm", "lower_batch_norm", "fuse_adds", "lower_int8"};
  each_pass(GetParam(), true, [&](const std::string& pass, Difference d) {
    const bool may = std::find(rounding.begin(), rounding.end(), pass) != rounding.end();
    EXPECT_LE(d.mean, may ? 0.02 : 1e-6) << pass;
  });
}

INSTANTIATE_TEST_SUITE_P(Some, Passes, testing::Values("resnet8", "squeeze_excite", "dense"),
                         [](const auto& info) { return info.param; });

size_t count_of(const ir::Graph& graph, ir::Op op) {
  return static_cast<size_t>(
      std::count_if(graph.nodes.begin(), graph.nodes.end(), [&](const ir::Node& n) { return n.op == op; }));
}

TEST(Lowering, ResnetIsInt8FromInputToLogits) {
  PassContext context;
  const ir::Graph graph = run_passes(test::quantized_network("resnet8"), {}, context);
  EXPECT_EQ(count_of(graph, ir::Op::kQuantize), 1u);
  EXPECT_EQ(count_of(graph, ir::Op::kDequantize), 0u);
  EXPECT_EQ(count_of(graph, ir::Op::kFConv) + count_of(graph, ir::Op::kAdd) + count_of(graph, ir::Op::kRelu), 0u);
  EXPECT_EQ(count_of(graph, ir::Op::kQGemm), 1u);
  EXPECT_TRUE(context.report.not_int8.empty()) << context.report.not_int8[0];
  size_t skips = 0;
  for (const ir::Node& node : graph.nodes) skips += node.op == ir::Op::kQConv && node.inputs.size() == 5;
  EXPECT_EQ(skips, 3u);  // every block's Add is in an epilogue
  EXPECT_FALSE(context.fused.empty());
}

// conv -> q -> relu6 -> q with one scale, as ONNX Runtime writes it: one step, the same values.
TEST(Lowering, QuantizersAroundAClipBecomeOne) {
  ir::Graph graph = test::float_network("dense");
  const ir::NodeId relu = graph.find_node("relu0");
  graph.nodes[static_cast<size_t>(relu)].op = ir::Op::kClip;
  graph.nodes[static_cast<size_t>(relu)].attrs = ir::ClipAttrs{.lo = -0.1f, .hi = 1.7f};
  const ir::ValueId scale = graph.add_buffer("scale", Tensor::from<float>({0.0171f}, {1}));
  const ir::FakeQuantAttrs attrs{.range = ir::RangeKind::kScale};
  const ir::ValueId x = graph.nodes[static_cast<size_t>(relu)].inputs[0];
  const ir::ValueId before = graph.insert_node(relu, ir::Op::kFakeQuant, "q1", {x, scale}, attrs);
  ir::Node& clip = graph.nodes[static_cast<size_t>(relu) + 1];
  clip.inputs[0] = before;
  const ir::ValueId y = clip.output;
  const ir::ValueId after = graph.insert_node(relu + 2, ir::Op::kFakeQuant, "q2", {y, scale}, attrs);
  graph.replace_uses(y, after, relu + 2);
  const Tensor images = test::random_images({1, 3, 19, 23}, 4);
  const Tensor expected = ir::interpret(graph, {images}).outputs[0];
  ir::Graph commuted = ir::clone(graph);
  ir::commute_quantizers(commuted);
  EXPECT_EQ(count_of(commuted, ir::Op::kFakeQuant), 1u);
  EXPECT_EQ(difference(expected, ir::interpret(commuted, {images}).outputs[0]).worst, 0.0);
}

TEST(Lowering, SaysWhyALayerIsFloat) {
  PassContext context;
  context.keep_float = {"fc"};
  const ir::Graph graph = run_passes(test::quantized_network("resnet8"), {}, context);
  ASSERT_EQ(context.report.not_int8.size(), 1u);
  EXPECT_EQ(context.report.not_int8[0], "[fgemm fc] stays in float: float measured faster");
  EXPECT_EQ(count_of(graph, ir::Op::kFGemm), 1u);
}

TEST(Lowering, PassNamesAreJudged) {
  PassContext context;
  try {
    run_passes(test::float_network("resnet8"), {"fuse_add"}, context);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kUsage);
    EXPECT_NE(std::string(error.what()).find("did you mean fuse_adds?"), std::string::npos) << error.what();
  }
}

std::vector<Tensor> constants(const ir::Graph& graph) {
  std::vector<Tensor> data;
  for (const ir::Node& node : graph.nodes) {
    for (const ir::ValueId id : node.inputs) {
      if (graph.has_data(id)) data.push_back(graph.value(id).data);
    }
  }
  return data;
}

// LibTorch's exact evaluation starts where layers are lowered; a BatchNorm that no layer takes and a weight behind a
// Transpose among what happens before.
TEST(Lowering, StartsFromWhatExactEvaluationSees) {
  for (const std::string& name : test::network_names()) {
    ir::Graph graph = test::quantized_network(name), canonical = ir::clone(graph);
    ir::infer_shapes(graph);
    PassContext context;
    for (const Pass& pass : passes()) {
      if (pass.run == lower_layers) break;
      graph = pass.run(std::move(graph), context);
      ir::infer_shapes(graph);
    }
    ir::make_canonical(canonical);
    EXPECT_EQ(ir::to_json(graph), ir::to_json(canonical)) << name;
    const std::vector<Tensor> first = constants(graph), second = constants(canonical);
    ASSERT_EQ(first.size(), second.size()) << name;
    for (size_t i = 0; i < first.size(); ++i) {
      EXPECT_EQ(std::memcmp(first[i].raw(), second[i].raw(), first[i].bytes()), 0) << name << " constant " << i;
    }
  }
}

// The integers of a quantized graph in memory and of the same after export and import.
TEST(Lowering, ACheckpointAndItsOnnxFileGiveTheSameIntegers) {
  const std::string path = testing::TempDir() + "/lowering.onnx";
  for (const char* name : {"resnet8", "mobilenet_v2"}) {
    for (const bool int8_weights : {false, true}) {
      const ir::Graph graph = test::quantized_network(name);
      io::onnx().write(path, graph, {.int8_weights = int8_weights});
      PassContext a, b;
      const ir::Graph own = run_passes(graph, {}, a), read = run_passes(io::onnx().read(path), {}, b);
      ASSERT_EQ(own.nodes.size(), read.nodes.size()) << name;
      for (size_t i = 0; i < own.nodes.size(); ++i) {
        EXPECT_EQ(own.nodes[i].op, read.nodes[i].op) << name << " node " << i;
        const auto &x = own.value(own.nodes[i].output).quant, &y = read.value(read.nodes[i].output).quant;
        ASSERT_EQ(x.has_value(), y.has_value()) << own.nodes[i].name;
        const bool same = !x || (x->scale == y->scale && x->lo == y->lo && x->hi == y->hi);
        EXPECT_TRUE(same) << own.nodes[i].name;
      }
      const std::vector<Tensor> first = constants(own), second = constants(read);
      ASSERT_EQ(first.size(), second.size());
      for (size_t i = 0; i < first.size(); ++i) {
        ASSERT_EQ(first[i].bytes(), second[i].bytes()) << name << " constant " << i;
        EXPECT_EQ(std::memcmp(first[i].raw(), second[i].raw(), first[i].bytes()), 0) << name << " constant " << i;
      }
    }
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace qat::engine
