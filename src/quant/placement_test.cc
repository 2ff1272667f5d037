// Placement on known networks and blocks, as golden tables: tensor | range | readers.
#include "quant/placement.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "ir/verify.h"
#include "zoo/zoo.h"

namespace qat::quant {
namespace {

using ir::Graph;
using ir::Op;
using ir::ValueId;

std::string join_readers(const Graph& g, const ir::Uses& uses, ValueId id) {
  std::vector<std::string> readers;
  for (const ir::NodeId n : uses.consumers[static_cast<size_t>(id)]) {
    const ir::Node& node = g.nodes[static_cast<size_t>(n)];
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const std::string reader = cat(node.name, "#", i);
      if (node.inputs[i] == id && (readers.empty() || readers.back() != reader)) readers.push_back(reader);
    }
  }
  return join(readers, " ");
}

std::string table(const Graph& g) {
  const ir::Uses uses(g);
  std::string text;
  for (const ir::NodeId id : activation_quantizers(g)) {
    const ir::Node& node = g.nodes[static_cast<size_t>(id)];
    const ir::NodeId producer = uses.producer[static_cast<size_t>(node.inputs[0])];
    std::string range = g.value(node.inputs[1]).name;
    EXPECT_TRUE(range.ends_with("_quantizer._amax")) << range;
    range.resize(range.size() - 6);
    text += cat(producer == ir::kNone ? "input" : g.nodes[static_cast<size_t>(producer)].name, " | ", range, " | ",
                join_readers(g, uses, node.output), "\n");
  }
  return text;
}

Graph zoo_net(const std::string& net) { return zoo::build(net, {.classes = 10}); }

TEST(Placement, Resnet8) {
  const Graph g = place(zoo_net("resnet8"), {});
  EXPECT_EQ(table(g),
            "input | conv1._input_quantizer | conv1#0\n"
            "relu | layer1.0.conv1._input_quantizer | layer1.0.conv1#0 layer1.0.add#1\n"
            "layer1.0.relu1 | layer1.0.conv2._input_quantizer | layer1.0.conv2#0\n"
            "layer1.0.relu | layer2.0.conv1._input_quantizer | layer2.0.conv1#0 layer2.0.downsample.0#0\n"
            "layer2.0.relu1 | layer2.0.conv2._input_quantizer | layer2.0.conv2#0\n"
            "layer2.0.downsample.1 | layer2.0.residual_quantizer | layer2.0.add#1\n"
            "layer2.0.relu | layer3.0.conv1._input_quantizer | layer3.0.conv1#0 layer3.0.downsample.0#0\n"
            "layer3.0.relu1 | layer3.0.conv2._input_quantizer | layer3.0.conv2#0\n"
            "layer3.0.downsample.1 | layer3.0.residual_quantizer | layer3.0.add#1\n"
            "layer3.0.relu | avgpool._input_quantizer | avgpool#0\n"
            "flatten | fc._input_quantizer | fc#0\n");
  EXPECT_EQ(weight_quantizers(g).size(), 10u);
  const auto aliases = nlohmann::json::parse(g.metadata.at("range_aliases"));
  EXPECT_EQ(aliases, (nlohmann::json{
                         {"layer1.0.conv1._input_quantizer._amax", {"layer1.0.residual_quantizer._amax"}},
                         {"layer2.0.conv1._input_quantizer._amax", {"layer2.0.downsample.0._input_quantizer._amax"}},
                         {"layer3.0.conv1._input_quantizer._amax", {"layer3.0.downsample.0._input_quantizer._amax"}},
                     }));
}

TEST(Placement, ReadersWithDifferentStoredRangesDoNotShareAQuantizer) {
  const std::string conv = "layer2.0.conv1._input_quantizer", down = "layer2.0.downsample.0._input_quantizer";
  const auto place_with = [&](std::optional<float> of_down) {
    return place(
        zoo_net("resnet8"), {.stored = [=](const std::string& range) {
          return range == conv + "._amax" ? std::optional(2.0f) : range == down + "._amax" ? of_down : std::nullopt;
        }});
  };
  const std::string shared = "layer1.0.relu | " + conv + " | layer2.0.conv1#0 layer2.0.downsample.0#0\n";
  for (const std::optional<float> same : {std::optional(2.0f), std::optional<float>()})
    EXPECT_NE(table(place_with(same)).find(shared), std::string::npos);
  const Graph apart = place_with(3.0f);
  EXPECT_NE(table(apart).find("layer1.0.relu | " + conv + " | layer2.0.conv1#0\nlayer1.0.relu | " + down +
                              " | layer2.0.downsample.0#0\n"),
            std::string::npos)
      << table(apart);
  EXPECT_EQ(nlohmann::json::parse(apart.metadata.at("range_aliases")).count(conv + "._amax"), 0u);
}

// x goes through a MaxPool: the pool's reader and x's own share a range, whatever the file has.
TEST(Placement, TensorsThatShareARangeKeepItWhateverIsStored) {
  Graph g;
  const ValueId x = g.add_input("input", {ir::kDynamic, 4, 8, 8});
  const auto conv = [&](const std::string& name, ValueId from) {
    return g.add_node(Op::kConv, name, {from, g.add_parameter(name + ".weight", Tensor(DType::kF32, {4, 4, 1, 1}))},
                      ir::ConvAttrs{});
  };
  const ValueId start = g.add_node(Op::kRelu, "relu", {conv("stem", x)});
  const ValueId direct = conv("direct", start);
  const ValueId pool = g.add_node(Op::kMaxPool, "pool", {start}, ir::PoolAttrs{.kernel = {3, 3}, .pads = {1, 1, 1, 1}});
  g.outputs = {g.add_node(Op::kAdd, "add", {direct, conv("pooled", pool)})};
  const auto stored = [](const std::string& range) { return std::optional(range[0] == 'd' ? 2.0f : 3.0f); };
  EXPECT_EQ(table(place(g, {.stored = stored})), table(place(g, {})));
}

TEST(Placement, ReadersWithoutAStoredRangeTakeTheLargestOfTheirTensor) {
  const std::string conv = "layer2.0.conv1._input_quantizer", down = "layer2.0.downsample.0._input_quantizer";
  for (const std::string& has : {conv, down}) {
    const auto stored = [&](const std::string& range) {
      return range == has + "._amax" ? std::optional(2.0f) : std::nullopt;
    };
    EXPECT_NE(table(place(zoo_net("resnet8"), {.stored = stored}))
                  .find("layer1.0.relu | " + conv + " | layer2.0.conv1#0 layer2.0.downsample.0#0\n"),
              std::string::npos);
  }
}

TEST(Placement, WeightsArePerOutputChannel) {
  const Graph g = place(zoo_net("resnet8"), {});
  const ValueId range = g.find_value("layer2.0.conv1._weight_quantizer._amax");
  ASSERT_NE(range, ir::kNone);
  EXPECT_EQ(g.value(range).dims, (ir::Dims{32, 1, 1, 1}));
  EXPECT_EQ(g.value(range).role, ir::Role::kBuffer);
  const ir::Node& fake = g.nodes[static_cast<size_t>(g.find_node("layer2.0.conv1._weight_quantizer"))];
  EXPECT_EQ(fake.as<ir::FakeQuantAttrs>().axis, 0);
  EXPECT_EQ(fake.as<ir::FakeQuantAttrs>().lo, -127);
  EXPECT_EQ(g.value(g.find_value("conv1._input_quantizer._amax")).dims, ir::Dims{});
}

// The stem's pool commutes: the quantizer sits at its reader; the first block's skip is a convolution.
TEST(Placement, Resnet50Stem) {
  const std::string text = table(place(zoo_net("resnet50"), {}));
  EXPECT_EQ(text.substr(0, text.find("layer1.0.relu1")),
            "input | conv1._input_quantizer | conv1#0\n"
            "maxpool | layer1.0.conv1._input_quantizer | layer1.0.conv1#0 layer1.0.downsample.0#0\n");
}

TEST(Placement, MobileNetBlocks) {
  const std::string text = table(place(zoo_net("mobilenet_v2"), {}));
  // features.2 ends in a linear convolution whose result features.3 both expands and adds.
  EXPECT_NE(text.find("features.2.conv.3 | features.3.conv.0.0._input_quantizer | features.3.conv.0.0#0 "
                      "features.3.add#0\n"
                      "features.3.conv.0.2 | features.3.conv.1.0._input_quantizer | features.3.conv.1.0#0\n"
                      "features.3.conv.1.2 | features.3.conv.2._input_quantizer | features.3.conv.2#0\n"
                      "features.3.add | features.4.conv.0.0._input_quantizer | features.4.conv.0.0#0\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("features.18.2 | avgpool._input_quantizer | avgpool#0\n"
                      "classifier.0 | classifier.1._input_quantizer | classifier.1#0\n"),
            std::string::npos)
      << text;
}

TEST(Placement, FirstAndLastLayerAreSwitches) {
  const Graph g = place(zoo_net("resnet8"), {.first_layer = false, .last_layer = false});
  const std::string text = table(g);
  EXPECT_EQ(text.find("conv1._input_quantizer | conv1#0"), std::string::npos);
  EXPECT_EQ(text.find("fc"), std::string::npos);
  EXPECT_EQ(text.find("avgpool"), std::string::npos) << "an average whose result stays float is left in float";
  EXPECT_EQ(g.find_node("conv1._weight_quantizer"), ir::kNone);
  EXPECT_EQ(weight_quantizers(g).size(), 8u);
}

TEST(Placement, SkippedLayersAndTheirResiduals) {
  const std::string text = table(place(zoo_net("resnet8"), {.skip = {"layer2.*", "fc"}}));
  EXPECT_EQ(text,
            "input | conv1._input_quantizer | conv1#0\n"
            "relu | layer1.0.conv1._input_quantizer | layer1.0.conv1#0 layer1.0.add#1\n"
            "layer1.0.relu1 | layer1.0.conv2._input_quantizer | layer1.0.conv2#0\n"
            "layer2.0.relu | layer3.0.conv1._input_quantizer | layer3.0.conv1#0 layer3.0.downsample.0#0\n"
            "layer3.0.relu1 | layer3.0.conv2._input_quantizer | layer3.0.conv2#0\n"
            "layer3.0.downsample.1 | layer3.0.residual_quantizer | layer3.0.add#1\n");
  try {
    place(zoo_net("resnet8"), {.skip = {"layer1.0.conv3"}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kUsage);
    EXPECT_STREQ(error.what(),
                 "[QUANT.SKIP] \"layer1.0.conv3\" matches no layer of resnet8; did you mean layer1.0.conv1?");
  }
}

TEST(Placement, RefusesAQuantizedGraph) { EXPECT_THROW(place(place(zoo_net("resnet8"), {}), {}), Error); }

TEST(Placement, LeavesTheFloatGraphAlone) {
  const Graph g = zoo_net("resnet8");
  const size_t nodes = g.nodes.size(), values = g.values.size();
  place(g, {});
  EXPECT_EQ(g.nodes.size(), nodes);
  EXPECT_EQ(g.values.size(), values);
  EXPECT_FALSE(is_quantized(g));
}

// ---- blocks of networks outside the zoo ----

struct Block {
  Graph g{.name = "block"};
  ValueId x = g.add_input("input", {ir::kDynamic, 8, 16, 16});
  ValueId conv(const std::string& name, ValueId in, int64_t k, int64_t c, int64_t size = 1) {
    const ValueId w = g.add_parameter(name + ".weight", Tensor(DType::kF32, {k, c, size, size}));
    const int64_t pad = size / 2;
    return g.add_node(Op::kConv, name, {in, w}, ir::ConvAttrs{.pads = {pad, pad, pad, pad}});
  }
  ValueId node(Op op, const std::string& name, std::vector<ValueId> in, ir::Attrs attrs = {}) {
    return g.add_node(op, name, std::move(in), std::move(attrs));
  }
  std::string placed(ValueId output) {
    g.outputs = {output};
    ir::verify(g);
    return table(place(g, {}));
  }
};

TEST(Placement, SqueezeExcite) {
  Block b;
  const ValueId y = b.node(Op::kSilu, "silu", {b.conv("dw", b.x, 8, 8)});
  ValueId s = b.node(Op::kGlobalAvgPool, "pool", {y});
  s = b.node(Op::kSilu, "silu1", {b.conv("fc1", s, 2, 8)});
  s = b.node(Op::kSigmoid, "gate", {b.conv("fc2", s, 8, 2)});
  const ValueId out = b.conv("project", b.node(Op::kMul, "mul", {s, y}), 4, 8);
  EXPECT_EQ(b.placed(out),
            "input | dw._input_quantizer | dw#0\n"
            "silu | pool._input_quantizer | pool#0 mul#1\n"
            "pool | fc1._input_quantizer | fc1#0\n"
            "silu1 | fc2._input_quantizer | fc2#0\n"
            "gate | mul._input0_quantizer | mul#0\n"
            "mul | project._input_quantizer | project#0\n");
}

// x * sigmoid(x) is an activation: nothing between the convolution and it.
TEST(Placement, SpelledOutSiluStaysFloat) {
  Block b;
  const ValueId y = b.conv("conv", b.x, 8, 8);
  const ValueId silu = b.node(Op::kMul, "mul", {y, b.node(Op::kSigmoid, "sigmoid", {y})});
  EXPECT_EQ(b.placed(b.conv("next", silu, 8, 8)),
            "input | conv._input_quantizer | conv#0\n"
            "mul | next._input_quantizer | next#0\n");
}

TEST(Placement, FireModuleSharesOneRange) {
  Block b;
  const ValueId s = b.node(Op::kRelu, "squeeze.relu", {b.conv("squeeze", b.x, 4, 8)});
  const ValueId e1 = b.node(Op::kRelu, "expand1.relu", {b.conv("expand1", s, 8, 4)});
  const ValueId e3 = b.node(Op::kRelu, "expand3.relu", {b.conv("expand3", s, 8, 4, 3)});
  ValueId y = b.node(Op::kConcat, "cat", {e1, e3}, ir::AxisAttrs{});
  y = b.node(Op::kMaxPool, "pool", {y}, ir::PoolAttrs{.kernel = {3, 3}, .stride = {2, 2}});
  EXPECT_EQ(b.placed(b.conv("next", y, 4, 16)),
            "input | squeeze._input_quantizer | squeeze#0\n"
            "squeeze.relu | expand1._input_quantizer | expand1#0 expand3#0\n"
            "expand1.relu | cat._input0_quantizer | cat#0\n"
            "expand3.relu | cat._input0_quantizer | cat#1\n"
            "pool | cat._input0_quantizer | next#0\n");
}

// DenseNet: the Concat feeds a BatchNorm, so it stays float; only convolutions are int8.
TEST(Placement, DenseBlock) {
  Block b;
  const auto norm = [&](const std::string& name, ValueId in, int64_t c) {
    std::vector<ValueId> inputs{in};
    for (const char* p : {".weight", ".bias", ".running_mean", ".running_var"})
      inputs.push_back(b.g.add_parameter(name + p, Tensor(DType::kF32, {c})));
    return b.node(Op::kRelu, name + ".relu", {b.node(Op::kBatchNorm, name, inputs, ir::BatchNormAttrs{})});
  };
  const ValueId y = b.conv("conv1", norm("norm1", b.x, 8), 4, 8, 3);
  const ValueId joined = b.node(Op::kConcat, "cat", {b.x, y}, ir::AxisAttrs{});
  const ValueId z = b.conv("trans", norm("norm", joined, 12), 6, 12);
  EXPECT_EQ(b.placed(b.node(Op::kAvgPool, "pool", {z}, ir::PoolAttrs{.kernel = {2, 2}, .stride = {2, 2}})),
            "norm1.relu | conv1._input_quantizer | conv1#0\n"
            "norm.relu | trans._input_quantizer | trans#0\n");
}

// A tensor that is read directly and through a pool: one range, and the pool reads the int8 copy.
TEST(Placement, PoolBesideItsInput) {
  Block b;
  const ValueId y = b.node(Op::kRelu, "relu", {b.conv("conv", b.x, 8, 8)});
  const ValueId p = b.node(Op::kMaxPool, "pool", {y}, ir::PoolAttrs{.kernel = {3, 3}, .pads = {1, 1, 1, 1}});
  const ValueId a = b.conv("direct", y, 8, 8), c = b.conv("pooled", p, 8, 8);
  EXPECT_EQ(b.placed(b.node(Op::kAdd, "add", {a, c})),
            "input | conv._input_quantizer | conv#0\n"
            "relu | direct._input_quantizer | pool#0 direct#0\n"
            "pool | direct._input_quantizer | pooled#0\n"
            "pooled | add.residual_quantizer | add#1\n");
}

// Neither branch ends in a layer: both are quantized, because the sum is.
TEST(Placement, AddOfActivations) {
  Block b;
  const ValueId p = b.node(Op::kRelu, "relu1", {b.conv("conv1", b.x, 8, 8)});
  const ValueId q = b.node(Op::kRelu, "relu2", {b.conv("conv2", b.x, 8, 8)});
  const ValueId sum = b.node(Op::kRelu, "relu3", {b.node(Op::kAdd, "block.add", {p, q})});
  EXPECT_EQ(b.placed(b.conv("next", sum, 8, 8)),
            "input | conv1._input_quantizer | conv1#0 conv2#0\n"
            "relu1 | block.add._input_quantizer | block.add#0\n"
            "relu2 | block.residual_quantizer | block.add#1\n"
            "relu3 | next._input_quantizer | next#0\n");
}

// The branch with the longer path stays unquantized wherever it stands in the Add.
TEST(Placement, LongestBranchStays) {
  Block b;
  const ValueId shortcut = b.conv("shortcut", b.x, 8, 8);
  const ValueId deep = b.conv("deep2", b.node(Op::kRelu, "relu", {b.conv("deep1", b.x, 8, 8)}), 8, 8);
  EXPECT_EQ(b.placed(b.node(Op::kAdd, "block/add", {shortcut, deep})),
            "input | shortcut._input_quantizer | shortcut#0 deep1#0\n"
            "shortcut | block.residual_quantizer | block/add#0\n"
            "relu | deep2._input_quantizer | deep2#0\n");
}

}  // namespace
}  // namespace qat::quant
