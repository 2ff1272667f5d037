// Our files: judged by onnx's checker, ONNX Runtime and OpenVINO, and read back bit for bit.
#include "base/file.h"
#include "io/onnx/testing.h"
#include "ir/fold_batch_norm.h"
#include "ir/print.h"
#include "ir/shapes.h"
#include "quant/placement.h"
#include "zoo/zoo.h"

namespace qat::onnxio::testing {
namespace {

// Random parameters, negative and zero gamma among them; ranges that clip a little.
ir::Graph network(const std::string& name, bool quantized, int64_t size = ir::kDynamic) {
  ir::Graph graph = zoo::build(name, {.in_channels = 3, .classes = 10, .height = size, .width = size});
  zoo::initialize(graph, 7);
  Random random(11);
  for (const auto& node : graph.nodes) {
    if (node.op != ir::Op::kBatchNorm) continue;
    for (size_t i = 1; i < 5; ++i) {
      for (float& v : graph.value(node.inputs[i]).data.data<float>()) {
        v = static_cast<float>(i == 4 ? random.uniform(0.3, 2.0) : random.uniform(-1.0, 1.0));
      }
    }
    graph.value(node.inputs[1]).data.data<float>()[1] = 0.0f;
  }
  graph.metadata = {{"mean", "0.5,0.5,0.5"}, {"classes", "10"}};
  if (!quantized) return graph;
  graph = quant::place(graph, {});
  for (const auto& node : graph.nodes) {
    if (node.op != ir::Op::kFakeQuant) continue;
    for (float& v : graph.value(node.inputs[1]).data.data<float>()) v = static_cast<float>(random.uniform(0.05, 3.0));
  }
  ir::infer_shapes(graph);
  return graph;
}

// All files of a test in one start of Python.
struct Judged {
  std::string commands;
  void add(const std::string& command) { commands += (commands.empty() ? "" : " , ") + command; }
};

TEST(Export, ReadsBackBitForBit) {
  TempFolder folder;
  const Tensor x = random_images({2, 3, 17, 19});
  for (const char* net : {"resnet8", "mobilenet_v2"}) {
    const ir::Graph graph = network(net, true);
    ir::Graph folded = graph;
    ir::fold_batch_norms(folded);
    const auto expected = logits(folded, x);
    for (const bool int8_weights : {false, true}) {
      onnx().write(folder / "a.onnx", graph, {.int8_weights = int8_weights});
      const ir::Graph again = onnx().read(folder / "a.onnx");
      EXPECT_EQ(logits(again, x), expected) << net << " int8_weights " << int8_weights;
      EXPECT_EQ(again.metadata, graph.metadata);
      EXPECT_EQ(again.value(again.outputs[0]).name, graph.value(graph.outputs[0]).name);
      // A second round changes nothing at all.
      onnx().write(folder / "b.onnx", again, {.int8_weights = int8_weights});
      onnx().write(folder / "c.onnx", onnx().read(folder / "b.onnx"), {.int8_weights = int8_weights});
      EXPECT_TRUE(read_file(folder / "b.onnx") == read_file(folder / "c.onnx")) << net;
    }
  }
}

// The last node has the output's name, the node before it that of another value of the file.
TEST(Export, TheOutputKeepsItsName) {
  TempFolder folder;
  ir::Graph graph;
  const auto x = graph.add_input("117", {ir::kDynamic, 3, 4, 4});
  const auto pool = graph.add_node(ir::Op::kGlobalAvgPool, "pool", {x});
  graph.outputs = {graph.add_node(ir::Op::kFlatten, "out", {pool}, ir::AxisAttrs{})};
  onnx().write(folder / "a.onnx", graph, {});
  const ir::Graph again = onnx().read(folder / "a.onnx");
  EXPECT_EQ(again.value(again.inputs[0]).name, "117");
  EXPECT_EQ(again.value(again.outputs[0]).name, "out");
}

TEST(Export, KeepsStateDictNames) {
  TempFolder folder;
  onnx().write(folder / "a.onnx", network("resnet8", true), {.int8_weights = true});
  const ir::Graph graph = onnx().read(folder / "a.onnx");
  EXPECT_NE(graph.find_value("layer1.0.conv1.weight"), ir::kNone) << ir::to_table(graph);
  EXPECT_NE(graph.find_node("layer1.0.conv1"), ir::kNone);
  EXPECT_NE(graph.find_node("layer1.0.conv1._input_quantizer"), ir::kNone);
  EXPECT_NE(graph.find_value("layer1.0.conv1._weight_quantizer._scale"), ir::kNone);
  EXPECT_NE(graph.find_value("fc.bias"), ir::kNone);
}

TEST(Export, SameGraphSameBytes) {
  TempFolder folder;
  const ir::Graph graph = network("resnet8", true);
  onnx().write(folder / "a.onnx", graph, {});
  onnx().write(folder / "b.onnx", ir::clone(graph), {});
  EXPECT_TRUE(read_file(folder / "a.onnx") == read_file(folder / "b.onnx"));
}

TEST(Export, FourVariantsPassTheJudges) {
  if (!has_python()) GTEST_SKIP() << "no Python judges";
  TempFolder folder;
  Judged judged;
  const Tensor x = random_images({2, 3, 28, 28});
  write_raw(folder / "x", x);
  std::vector<std::pair<std::string, std::vector<float>>> expected;
  for (const bool quantized : {false, true}) {
    for (const bool dynamic : {false, true}) {
      for (const int opset : {13, 17, 25}) {
        const std::string file = folder / cat("q", quantized, "_d", dynamic, "_", opset, ".onnx");
        const ir::Graph graph = network("resnet8", quantized);
        io::OnnxExport options{.quantized = quantized, .int8_weights = opset == 17, .dynamic = dynamic, .opset = opset};
        if (!dynamic) options.shape = {2, 3, 28, 28};
        onnx().write(file, graph, options);
        judged.add(cat("check ", file, " ", dynamic ? "batch,10" : "2,10"));
        expected.emplace_back(file, logits(graph, x));
        if (opset != 25) judged.add(cat("run ", file, " ", folder / "x", " ", file, ".ort ort 2,3,28,28"));
        if (opset == 17) judged.add(cat("run ", file, " ", folder / "x", " ", file, ".ov openvino 2,3,28,28"));
      }
    }
  }
  ASSERT_TRUE(judge(judged.commands));
  for (const auto& [file, ours] : expected) {
    SCOPED_TRACE(file);
    for (const char* engine : {".ort", ".ov"}) {
      if (!std::filesystem::exists(file + engine)) continue;
      const auto theirs = read_raw(file + engine);
      if (file.find("q0") != std::string::npos) {
        expect_close(ours, theirs, 1e-4);
      } else {
        EXPECT_GE(cosine(ours, theirs), 0.999) << engine;
      }
    }
  }
}

// A quantized graph exported without its quantizers is the float network, with weights that nobody rounded.
TEST(Export, WithoutQuantizersIsTheFloatNetwork) {
  TempFolder folder;
  const Tensor x = random_images({1, 3, 20, 20});
  onnx().write(folder / "a.onnx", network("resnet8", true), {.quantized = false});
  expect_close(logits(onnx().read(folder / "a.onnx"), x), logits(network("resnet8", false), x), 1e-5);
}

// Everything that can be read can be written: hand-made models through us, in four opsets.
TEST(Export, EveryOperatorSurvivesTheRoundTrip) {
  if (!has_python()) GTEST_SKIP() << "no Python judges";
  TempFolder folder;
  const std::vector<std::string> names{"old_opset",  "hard_swish_small", "matmul_add",
                                       "gemm_forms", "padding",          "squeeze_excite",
                                       "qdq",        "qdq_u8",           "movement"};
  Judged make, check;
  for (const auto& name : names) make.add("script " + name + " " + (folder / name));
  ASSERT_TRUE(judge(make.commands));
  for (const auto& name : names) {
    const std::string shape = name == "padding" ? "2,3,9,8" : "2,3,8,8";
    const Tensor x = random_images({2, 3, name == "padding" ? 9 : 8, 8});
    write_raw(folder / (name + ".x"), x);
    check.add(cat("run ", folder / name, " ", folder / (name + ".x"), " ", folder / (name + ".y"), " ort ", shape));
    for (const int opset : {13, 14, 18, 22}) {
      const std::string file = folder / cat(name, ".", opset);
      onnx().write(file, onnx().read(folder / name), {.opset = opset});
      check.add("check " + file);
      check.add(cat("run ", file, " ", folder / (name + ".x"), " ", file, ".y ort ", shape));
    }
  }
  ASSERT_TRUE(judge(check.commands));
  for (const auto& name : names) {
    for (const int opset : {13, 14, 18, 22}) {
      SCOPED_TRACE(cat(name, " opset ", opset));
      expect_close(read_raw(folder / cat(name, ".", opset, ".y")), read_raw(folder / (name + ".y")), 1e-5);
    }
  }
}

Code code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return Code::kOk;
}

TEST(Export, RefusesWhatItCannotWrite) {
  TempFolder folder;
  const ir::Graph graph = network("resnet8", true);
  const auto write = [&](const io::OnnxExport& options) {
    return code_of([&] { onnx().write(folder / "a.onnx", graph, options); });
  };
  EXPECT_EQ(write({.opset = 12}), Code::kUsage);
  EXPECT_EQ(write({.opset = 26}), Code::kUsage);
  EXPECT_EQ(write({.dynamic = false}), Code::kUsage);
  EXPECT_EQ(write({.dynamic = false, .shape = {1, 3, 0, 28}}), Code::kUsage);
  EXPECT_EQ(write({.dynamic = false, .shape = {1, 4, 28, 28}}), Code::kBadFile);
  EXPECT_FALSE(std::filesystem::exists(folder / "a.onnx"));
  ir::Graph narrow = graph;
  for (auto& node : narrow.nodes) {
    if (node.op == ir::Op::kFakeQuant && !narrow.has_data(node.inputs[0])) node.as<ir::FakeQuantAttrs>().lo = -127;
  }
  EXPECT_EQ(code_of([&] { onnx().write(folder / "a.onnx", narrow, {}); }), Code::kFailure);
  EXPECT_EQ(code_of([&] { onnx().write(folder / "none/a.onnx", graph, {}); }), Code::kIo);
}

}  // namespace
}  // namespace qat::onnxio::testing
