// Edits of graphs, pruning, and JSON both ways.
#include "ir/graph.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ir/print.h"
#include "ir/shapes.h"
#include "ir/verify.h"

namespace qat::ir {
namespace {

Graph small_graph() {
  Graph g{.name = "small"};
  const ValueId x = g.add_input("input", {kDynamic, 3, kDynamic, kDynamic});
  const ValueId w = g.add_parameter("conv.weight", Tensor(DType::kF32, {8, 3, 3, 3}));
  ValueId y = g.add_node(Op::kConv, "conv", {x, w, kNone}, ConvAttrs{.stride = {2, 2}, .pads = {1, 1, 1, 1}});
  y = g.add_node(Op::kClip, "act", {y}, ClipAttrs{.lo = 0.1f, .hi = INFINITY});
  g.outputs = {g.add_node(Op::kGlobalAvgPool, "pool", {y})};
  g.metadata["mean"] = "0.485,0.456";
  return g;
}

TEST(Graph, InsertBeforeAndReplaceUses) {
  Graph g = small_graph();
  const NodeId act = g.find_node("act");
  const ValueId conv = g.nodes[0].output;
  const ValueId relu = g.insert_node(act, Op::kRelu, "relu", {conv});
  g.replace_uses(conv, relu, act);  // act is now the Relu's own place
  verify(g);
  EXPECT_EQ(g.nodes[1].name, "relu");
  EXPECT_EQ(g.nodes[1].inputs[0], conv);
  EXPECT_EQ(g.nodes[2].inputs[0], relu);
  const Uses uses(g);
  EXPECT_EQ(uses.producer[static_cast<size_t>(relu)], 1);
  EXPECT_EQ(uses.consumers[static_cast<size_t>(relu)], std::vector<NodeId>{2});
  EXPECT_TRUE(uses.is_output[static_cast<size_t>(g.outputs[0])]);
}

TEST(Graph, PruneDropsTheUnreadAndRenumbers) {
  Graph g = small_graph();
  const ValueId dead = g.add_parameter("dead", Tensor(DType::kF32, {1}));
  g.insert_node(1, Op::kMul, "unused", {g.nodes[0].output, dead});
  prune(g);
  verify(g);
  EXPECT_EQ(g.nodes.size(), 3u);
  EXPECT_EQ(g.values.size(), 5u);
  EXPECT_EQ(g.find_value("dead"), kNone);
  EXPECT_EQ(g.find_node("unused"), kNone);
  EXPECT_EQ(g.value(g.outputs[0]).name, "pool");
}

TEST(Graph, NumbersThatAreNotFiniteAreNamed) {
  Graph graph;
  graph.add_parameter("a", Tensor::from<float>({1, -2}, {2}));
  graph.add_buffer("count", Tensor::from<int64_t>({1}, {1}));
  check_finite(graph);
  graph.add_parameter("b", Tensor::from<float>({1, NAN, -INFINITY}, {3}));
  try {
    check_finite(graph);
    FAIL() << "a NaN passed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kBadFile);
    EXPECT_NE(std::string(error.what()).find("[value b] 2 of 3 numbers"), std::string::npos) << error.what();
  }
}

TEST(Graph, CloneSharesNoData) {
  Graph g = small_graph();
  Graph copy = clone(g);
  copy.value(1).data.data<float>()[0] = 5;
  EXPECT_EQ(g.value(1).data.data<float>()[0], 0);
}

TEST(Json, RoundTripIsExact) {
  Graph g = small_graph();
  infer_shapes(g);
  g.value(g.nodes[1].output).quant = QuantInfo{.scale = 0.1f / 3, .zero_point = 3, .lo = 0, .hi = 255};
  const std::string text = to_json(g);
  const Graph back = from_json(text);
  verify(back);
  EXPECT_EQ(to_json(back), text);
  EXPECT_EQ(back.nodes[1].as<ClipAttrs>().lo, 0.1f);
  EXPECT_TRUE(std::isinf(back.nodes[1].as<ClipAttrs>().hi));
  EXPECT_EQ(back.value(back.nodes[1].output).quant->scale, 0.1f / 3);
  EXPECT_EQ(back.nodes[0].inputs[2], kNone);
  EXPECT_EQ(back.metadata.at("mean"), "0.485,0.456");
}

TEST(Json, EveryOperatorRoundTrips) {
  for (int op = 0; op <= static_cast<int>(Op::kFGemm); ++op) {
    EXPECT_EQ(static_cast<int>(parse_op(name_of(static_cast<Op>(op)))), op);
  }
  Graph g{.name = "all"};
  g.add_input("input", {1});
  FusedConvAttrs fused;
  fused.conv.groups = 3;
  fused.epilogue = {.activation = Activation::kSilu, .p0 = 0.3f, .has_skip = true, .skip_scale = 1.1f};
  g.add_node(Op::kQConv, "a", {0}, fused);
  g.add_node(Op::kQConcat, "b", {0}, RequantAttrs{.scales = {0.1f, 0.7f}, .axis = 3});
  g.add_node(Op::kQAvgPool, "c", {0}, QPoolAttrs{.scale = 1.0 / 3});
  g.add_node(Op::kFakeQuant, "d", {0}, FakeQuantAttrs{.range = RangeKind::kScale, .axis = 1, .lo = 0, .hi = 255});
  const Graph back = from_json(to_json(g));
  EXPECT_EQ(to_json(back), to_json(g));
  EXPECT_EQ(back.nodes[0].as<FusedConvAttrs>().epilogue.p0, 0.3f);
  EXPECT_EQ(back.nodes[0].as<FusedConvAttrs>().conv.groups, 3);
  EXPECT_EQ(back.nodes[2].as<QPoolAttrs>().scale, 1.0 / 3);
  EXPECT_EQ(back.nodes[3].as<FakeQuantAttrs>().range, RangeKind::kScale);
}

TEST(Json, BrokenTextNamesTheField) {
  const std::string good = to_json(small_graph());
  const auto broken = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    try {
      from_json(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kBadFile);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(broken("\"Conv\"", "\"Convv\""), "unknown operator \"Convv\"; did you mean Conv?");
  EXPECT_EQ(broken("\"stride\":[2,2]", "\"stride\":[2]"), "[graph nodes 0.attrs.stride] expected a list of 2");
  EXPECT_EQ(broken("\"output\":2", "\"output\":99"), "[graph nodes 0.output] expected the number of a value");
  EXPECT_EQ(broken("\"role\":\"parameter\"", "\"role\":7"), "[graph values 1.role] expected a known name");
  EXPECT_EQ(broken("[8,3,3,3]", "[8,-3,3,3]"), "[graph values 1.dims] expected extents of 0 or more");
  EXPECT_EQ(broken("{\"version\"", "{\"versio"), "[graph] is not valid JSON");
  for (size_t length = 0; length < good.size(); ++length)
    EXPECT_THROW(from_json(good.substr(0, length)), Error) << length;
}

TEST(Table, NamesNodesShapesAndAttributes) {
  Graph g = small_graph();
  infer_shapes(g);
  const std::string table = to_table(g);
  EXPECT_NE(table.find("?x8x?x?"), std::string::npos) << table;
  EXPECT_NE(table.find("stride=2,2 pads=1,1,1,1"), std::string::npos) << table;
  EXPECT_NE(table.find("input, conv.weight[8x3x3x3], -"), std::string::npos) << table;
}

}  // namespace
}  // namespace qat::ir
