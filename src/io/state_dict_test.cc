// State dicts: finding them, loading them into graphs, quantizer ranges under all their names.
#include "io/state_dict.h"

#include <gtest/gtest.h>

namespace qat::io {
namespace {

PyValue value(Tensor t) { return PyValue{.data = std::move(t)}; }
Tensor f32(const std::vector<float>& values, Shape shape) { return Tensor::from(values, std::move(shape)); }

PyDict weights(const std::string& prefix) {
  PyDict dict;
  dict.emplace_back(prefix + "a.weight", value(f32({1, 2}, {2})));
  dict.emplace_back(prefix + "a.bias", value(f32({3}, {1})));
  return dict;
}

PyValue under(const std::string& key, PyDict inner) {
  PyDict outer;
  outer.emplace_back("epoch", PyValue{.data = int64_t{3}});
  outer.emplace_back(key, PyValue{.data = std::move(inner)});
  return PyValue{.data = std::move(outer)};
}

TEST(FindStateDict, Everywhere) {
  const std::vector<PyValue> files{
      PyValue{.data = weights("")},
      PyValue{.data = weights("module.")},
      under("state_dict", weights("")),
      under("model", weights("module._orig_mod.")),
      under("model_state_dict", weights("_orig_mod.module.")),
      under("model", std::get<PyDict>(under("state_dict", weights("")).data)),
  };
  for (const PyValue& file : files) {
    const StateDict state = find_state_dict(file);
    ASSERT_EQ(state.size(), 2u);
    EXPECT_EQ(state[0].first, "a.weight");
    EXPECT_EQ(state[1].first, "a.bias");
    EXPECT_EQ(state[0].second.data<float>()[1], 2);
  }
}

TEST(FindStateDict, APrefixThatNotAllHaveStays) {
  PyDict mixed = weights("module.");
  mixed.emplace_back("head.weight", value(f32({1}, {1})));
  EXPECT_EQ(find_state_dict(PyValue{.data = mixed})[0].first, "module.a.weight");
}

TEST(FindStateDict, NothingThere) {
  PyDict inner;
  inner.emplace_back("lr", PyValue{.data = 0.1});
  for (const PyValue& file : {under("optimizer", inner), PyValue{.data = int64_t{1}}, PyValue{.data = PyDict{}}}) {
    try {
      find_state_dict(file);
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kBadFile);
    }
  }
}

// conv -> bn, with quantizers on the input (shared by a second consumer), the weight and a residual.
ir::Graph small_graph() {
  ir::Graph g;
  g.name = "small";
  g.add_parameter("conv.weight", Tensor(DType::kF32, {3, 1, 2, 2}));
  g.add_parameter("bn.weight", Tensor(DType::kF32, {3}));
  const ir::ValueId beta = g.add_parameter("bn.bias", Tensor(DType::kF32, {3}));
  const ir::ValueId mean = g.add_buffer("bn.running_mean", Tensor(DType::kF32, {3}));
  const ir::ValueId variance = g.add_buffer("bn.running_var", Tensor(DType::kF32, {3}));
  const ir::ValueId x = g.add_input("input", {1, 3, 4, 4});
  g.outputs = {g.add_node(ir::Op::kBatchNorm, "bn", {x, beta, beta, mean, variance}, ir::BatchNormAttrs{})};
  return g;
}

ir::Graph quantized_graph() {
  ir::Graph g = small_graph();
  g.add_buffer("conv._input_quantizer._amax", Tensor(DType::kF32, {1}));
  g.add_buffer("conv._weight_quantizer._amax", Tensor(DType::kF32, {3}));
  g.add_buffer("block.residual_quantizer._amax", Tensor(DType::kF32, {}));
  g.metadata["range_aliases"] = R"({"conv._input_quantizer._amax": ["down._input_quantizer._amax"]})";
  return g;
}

StateDict small_state(DType type) {
  StateDict state;
  const auto add = [&](const char* name, const std::vector<float>& values, Shape shape) {
    state.emplace_back(name, f32(values, std::move(shape)).to(type));
  };
  add("conv.weight", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, {3, 1, 2, 2});
  add("bn.weight", {1, 2, 3}, {3});
  add("bn.bias", {4, 5, 6}, {3});
  add("bn.running_mean", {7, 8, 9}, {3});
  add("bn.running_var", {10, 11, 12}, {3});
  state.emplace_back("bn.num_batches_tracked", Tensor::from<int64_t>({5}, {}));
  return state;
}

float at(const ir::Graph& g, const std::string& name, size_t i) {
  return g.value(g.find_value(name)).data.data<float>()[i];
}

TEST(LoadStateDict, EveryFloatType) {
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16, DType::kF64}) {
    ir::Graph g = small_graph();
    EXPECT_TRUE(load_state_dict(g, small_state(type), true).clean());
    EXPECT_EQ(at(g, "conv.weight", 11), 11) << name_of(type);
    EXPECT_EQ(at(g, "bn.running_var", 0), 10);
  }
}

TEST(LoadStateDict, TheGraphGetsBuffersOfItsOwn) {
  ir::Graph g = small_graph();
  const ir::Graph copy = g;
  StateDict state = small_state(DType::kF32);
  load_state_dict(g, state, true);
  state[1].second.data<float>()[0] = 99;
  EXPECT_EQ(at(g, "bn.weight", 0), 1);
  EXPECT_EQ(at(copy, "bn.weight", 0), 0);
}

TEST(LoadStateDict, MismatchesAreListed) {
  ir::Graph g = small_graph();
  StateDict state = small_state(DType::kF32);
  state[0].first = "conv.wait";
  state[1].second = f32({1, 2}, {2});
  state[2].second = Tensor(DType::kI64, {3});
  const LoadReport report = load_state_dict(g, state, false);
  EXPECT_EQ(report.missing, std::vector<std::string>{"conv.weight"});
  EXPECT_EQ(report.unexpected, std::vector<std::string>{"conv.wait"});
  EXPECT_EQ(report.wrong_shape,
            (std::vector<std::string>{"bn.weight (expected f32 3, got f32 2)", "bn.bias (expected f32 3, got i64 3)"}));
  EXPECT_EQ(
      report.text(),
      "missing 1: conv.weight; unexpected 1: conv.wait; wrong shape or type 2: bn.weight (expected f32 3, got f32 "
      "2), bn.bias (expected f32 3, got i64 3)");
  EXPECT_EQ(at(g, "bn.running_mean", 2), 9);  // what fits is loaded
  try {
    load_state_dict(g, state, true);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kBadFile);
    EXPECT_NE(std::string(error.what()).find("small"), std::string::npos);
  }
}

TEST(LoadStateDict, LongListsAreShortened) {
  ir::Graph g = small_graph();
  StateDict state = small_state(DType::kF32);
  for (int i = 0; i < 100; ++i) state.emplace_back(cat("extra", i), Tensor(DType::kF32, {1}));
  const std::string text = load_state_dict(g, state, false).text();
  EXPECT_NE(text.find("unexpected 100: extra0, "), std::string::npos) << text;
  EXPECT_NE(text.find(" and 94 more"), std::string::npos) << text;
}

TEST(LoadStateDict, RangesInEverySpellingAndShape) {
  for (const Shape& per_channel : {Shape{3}, Shape{3, 1, 1, 1}}) {
    for (const Shape& one : {Shape{}, Shape{1}}) {
      for (const char* residual : {"block.residual_quantizer._amax", "block._residual_quantizer._amax"}) {
        for (const char* input : {"conv._input_quantizer._amax", "conv.input_quantizer._amax"}) {
          ir::Graph g = quantized_graph();
          StateDict state = small_state(DType::kF32);
          state.emplace_back(input, f32({2.5f}, one));
          state.emplace_back("conv._weight_quantizer._amax", f32({1, 2, 3}, per_channel));
          state.emplace_back(residual, f32({4}, one));
          const LoadReport report = load_state_dict(g, state, true);
          EXPECT_TRUE(report.warnings.empty());
          EXPECT_EQ(at(g, "conv._input_quantizer._amax", 0), 2.5f);
          EXPECT_EQ(at(g, "conv._weight_quantizer._amax", 2), 3);
          EXPECT_EQ(at(g, "block.residual_quantizer._amax", 0), 4);
          EXPECT_EQ(g.value(g.find_value("conv._weight_quantizer._amax")).data.shape(), Shape{3});
        }
      }
    }
  }
}

TEST(LoadStateDict, OneWeightRangeFillsAllChannelsButNotTheOtherWay) {
  ir::Graph g = quantized_graph();
  StateDict state;
  state.emplace_back("conv._weight_quantizer._amax", f32({7}, {}));
  state.emplace_back("conv._input_quantizer._amax", f32({1, 2, 3}, {3}));
  const LoadReport report = load_state_dict(g, state, false);
  EXPECT_EQ(at(g, "conv._weight_quantizer._amax", 2), 7);
  EXPECT_EQ(report.wrong_shape.size(), 1u);
}

TEST(LoadStateDict, EqualAliasesMergeAndUnequalOnesWarn) {
  const auto load = [](float main, float other) {
    ir::Graph g = quantized_graph();
    StateDict state;
    state.emplace_back("conv._input_quantizer._amax", f32({main}, {}));
    state.emplace_back("down._input_quantizer._amax", f32({other}, {1}));
    const LoadReport report = load_state_dict(g, state, false);
    EXPECT_TRUE(report.unexpected.empty());
    return std::pair(at(g, "conv._input_quantizer._amax", 0), report.warnings.size());
  };
  EXPECT_EQ(load(2, 2), std::pair(2.0f, size_t{0}));
  EXPECT_EQ(load(2, 3), std::pair(3.0f, size_t{1}));
  EXPECT_EQ(load(3, 2), std::pair(3.0f, size_t{1}));
}

TEST(LoadStateDict, AnAliasAloneIsEnough) {
  ir::Graph g = quantized_graph();
  StateDict state;
  state.emplace_back("down._input_quantizer._amax", f32({5}, {1}));
  const LoadReport report = load_state_dict(g, state, false);
  EXPECT_EQ(at(g, "conv._input_quantizer._amax", 0), 5);
  EXPECT_EQ(std::count(report.missing.begin(), report.missing.end(), "conv._input_quantizer._amax"), 0);
}

TEST(LoadStateDict, BrokenAliasesAreRefused) {
  for (const char* text : {"[", "[]", R"({"a": 1})", R"({"a": [1]})"}) {
    ir::Graph g = quantized_graph();
    g.metadata["range_aliases"] = text;
    EXPECT_THROW(load_state_dict(g, {}, false), Error) << text;
  }
}

TEST(MakeStateDict, GraphOrderWithCountersAndAliases) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : state_dict(quantized_graph())) names.push_back(name);
  const std::vector<std::string> expected{"conv.weight",
                                          "bn.weight",
                                          "bn.bias",
                                          "bn.running_mean",
                                          "bn.running_var",
                                          "bn.num_batches_tracked",
                                          "conv._input_quantizer._amax",
                                          "down._input_quantizer._amax",
                                          "conv._weight_quantizer._amax",
                                          "block.residual_quantizer._amax"};
  EXPECT_EQ(names, expected);
}

TEST(MakeStateDict, LoadsBack) {
  ir::Graph g = quantized_graph();
  load_state_dict(g, small_state(DType::kF32), false);
  ir::Graph other = quantized_graph();
  EXPECT_TRUE(load_state_dict(other, state_dict(g), true).clean());
  EXPECT_EQ(at(other, "conv.weight", 7), 7);
}

}  // namespace
}  // namespace qat::io
