// The zoo against torchvision: names, order and shapes of state dicts; output shapes; initial weights.
#include "zoo/zoo.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "io/python_judge.h"
#include "ir/print.h"
#include "ir/shapes.h"
#include "ir/verify.h"

namespace qat::zoo {
namespace {

// "name 64x3x7x7" a line, in order.
std::string state_text(const ir::Graph& graph) {
  std::string text;
  for (const ir::Value& value : graph.values) {
    if (value.role != ir::Role::kActivation) text += value.name + " " + to_string(value.dims) + "\n";
  }
  return text;
}

constexpr const char* kPrintStateDicts = R"(
import torch, torchvision
torch.set_default_device("meta")
for net in open("nets.txt").read().split():
  print("net", net)
  for k, v in torchvision.models.get_model(net).state_dict().items():
    if not k.endswith("num_batches_tracked"): print(k, "x".join(map(str, v.shape)))
)";

TEST(Zoo, StateDictsEqualTorchvision) {
  if (!testing::has_python()) GTEST_SKIP() << "no " << testing::python();
  std::vector<std::string> nets = names();
  std::erase_if(nets,
                [](const std::string& net) { return net == "resnet8" || net == "resnet20" || net == "resnet56"; });
  const testing::TempFolder folder;
  write_file(folder / "nets.txt", join(nets, "\n"));
  std::map<std::string, std::string> expected;
  std::string net;
  for (const std::string& line : split(testing::run_python(folder, kPrintStateDicts), '\n')) {
    if (line.starts_with("net ")) {
      net = line.substr(4);
    } else if (!line.empty()) {
      expected[net] += line + "\n";
    }
  }
  ASSERT_EQ(expected.size(), nets.size());
  for (const auto& [name, text] : expected) EXPECT_EQ(state_text(build(name, {})), text) << name;
}

int64_t parameters(const ir::Graph& graph) {
  int64_t n = 0;
  for (const ir::Value& value : graph.values) n += value.role == ir::Role::kParameter ? count(value.dims) : 0;
  return n;
}

TEST(Zoo, ParameterCounts) {
  // torchvision's documented num_params; resnet20 and 56 of He et al., table 6 (0.27 M, 0.85 M), with 1x1 shortcuts.
  const std::map<std::string, int64_t> expected = {
      {"resnet18", 11689512},  {"resnet34", 21797672},    {"resnet50", 25557032},
      {"resnet101", 44549160}, {"resnet152", 60192808},   {"wide_resnet50_2", 68883240},
      {"vgg16_bn", 138365992}, {"mobilenet_v2", 3504872}, {"resnext50_32x4d", 25028904},
  };
  for (const auto& [net, n] : expected) EXPECT_EQ(parameters(build(net, {})), n) << net;
  EXPECT_EQ(parameters(build("resnet20", {.classes = 10})), 272474);
  EXPECT_EQ(parameters(build("resnet56", {.classes = 10})), 855770);
}

TEST(Zoo, ShapesFlowFromDynamicAndConcreteInputs) {
  for (const std::string& net : names()) {
    ir::Graph graph = build(net, {.in_channels = 4, .classes = 7});
    EXPECT_EQ(graph.value(graph.outputs[0]).dims, (ir::Dims{ir::kDynamic, 7})) << net;
    const int64_t size = net == "vgg16_bn" ? 224 : 97;
    ir::infer_shapes(graph, {{3, 4, size, size}});
    EXPECT_EQ(graph.value(graph.outputs[0]).dims, (ir::Dims{3, 7})) << net;
    EXPECT_EQ(ir::to_json(ir::from_json(ir::to_json(graph))), ir::to_json(graph)) << net;
  }
  ir::Graph graph = build("resnet50", {});
  ir::infer_shapes(graph, {{2, 3, 97, 161}});
  const auto dims = [&](const char* node) { return graph.value(graph.nodes[graph.find_node(node)].output).dims; };
  EXPECT_EQ(dims("conv1"), (ir::Dims{2, 64, 49, 81}));
  EXPECT_EQ(dims("maxpool"), (ir::Dims{2, 64, 25, 41}));
  EXPECT_EQ(dims("layer2.0.downsample.0"), (ir::Dims{2, 512, 13, 21}));
  EXPECT_EQ(dims("layer4.2.relu"), (ir::Dims{2, 2048, 4, 6}));
}

TEST(Zoo, Errors) {
  const auto message = [](const std::string& net, const NetOptions& options) -> std::string {
    try {
      build(net, options);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kUsage);
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message("resnet5", {}), "unknown network \"resnet5\"; did you mean resnet8?");
  EXPECT_NE(message("vgg16_bn", {.height = 64, .width = 64}).find("expected images of 224x224, got 64x64"),
            std::string::npos);
  EXPECT_NE(message("resnet8", {.classes = 0}).find("at least 1"), std::string::npos);
}

struct Moments {
  double mean = 0, deviation = 0, max = 0;
};
Moments moments(const ir::Graph& graph, const std::string& name) {
  const auto data = graph.value(graph.find_value(name)).data.data<float>();
  Moments m;
  double squares = 0;
  for (const float x : data) {
    m.mean += x / static_cast<double>(data.size());
    squares += static_cast<double>(x) * x / static_cast<double>(data.size());
    m.max = std::max<double>(m.max, std::abs(x));
  }
  m.deviation = std::sqrt(squares - m.mean * m.mean);
  return m;
}

TEST(Zoo, InitialWeights) {
  ir::Graph graph = build("resnet18", {});
  initialize(graph, 1);
  const Moments conv = moments(graph, "layer4.1.conv2.weight");  // sqrt(2 / (512 * 9))
  EXPECT_NEAR(conv.deviation, 0.020833, 1e-4);
  EXPECT_NEAR(conv.mean, 0, 1e-4);
  const Moments fc = moments(graph, "fc.weight");  // uniform in 1 / sqrt(512)
  EXPECT_NEAR(fc.max, 0.044194, 1e-5);
  EXPECT_NEAR(fc.deviation, 0.044194 / std::sqrt(3.0), 1e-4);
  EXPECT_EQ(moments(graph, "bn1.weight").mean, 1);
  EXPECT_EQ(moments(graph, "bn1.running_mean").max, 0);
  EXPECT_EQ(moments(graph, "bn1.running_var").mean, 1);

  ir::Graph mobile = build("mobilenet_v2", {});
  initialize(mobile, 1);
  EXPECT_NEAR(moments(mobile, "classifier.1.weight").deviation, 0.01, 1e-4);
  EXPECT_EQ(moments(mobile, "classifier.1.bias").max, 0);
  EXPECT_NEAR(moments(mobile, "features.17.conv.1.0.weight").deviation, std::sqrt(2.0 / (960 * 9)), 2e-4);
}

TEST(Zoo, InitializationDependsOnTheSeedOnly) {
  const auto first = [](uint64_t seed) {
    ir::Graph graph = build("resnet8", {.in_channels = 1, .classes = 10});
    initialize(graph, seed);
    return graph.value(graph.find_value("fc.weight")).data.data<float>()[639];
  };
  EXPECT_EQ(first(7), first(7));
  EXPECT_NE(first(7), first(8));
}

}  // namespace
}  // namespace qat::zoo
