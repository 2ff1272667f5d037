// Networks from state dicts with ranges, damaged ones, and the Softmax at the end.
#include "model/network.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "io/checkpoint.h"
#include "io/python_judge.h"
#include "quant/placement.h"

namespace qat::model {
namespace {

config::Options resnet8() {
  config::Options options;
  options.model.net = "resnet8";
  options.model.classes = 10;
  return options;
}

// A quantized resnet8 whose ranges are all `amax` but for one, as a plain state dict.
void write_ranges(const std::filesystem::path& path, float amax, const std::string& name = "", float other = 0) {
  ir::Graph graph = quant::place(from_options(resnet8()), {});
  for (ir::Value& value : graph.values) {
    if (value.name.ends_with("_amax"))
      for (float& x : value.data.data<float>()) x = amax;
  }
  io::PyDict state;
  for (const auto& [key, tensor] : io::state_dict(graph))
    state.emplace_back(key, io::PyValue{.data = key == name ? Tensor::from<float>({other}, {}) : tensor});
  io::write_pth(path, io::PyValue{.data = state});
}

TEST(Network, UnequalRangesOfOneTensorStayApartAndAreTold) {
  const testing::TempFolder folder;
  const std::string other = "layer2.0.downsample.0._input_quantizer._amax";
  write_ranges(folder / "q.pth", 2.0f, other, 3.0f);
  std::vector<std::string> told;
  const ir::Graph graph =
      from_file(folder / "q.pth", resnet8(), [&](const std::string& line) { told.push_back(line); });
  const auto range = [&](const std::string& name) { return graph.value(graph.find_value(name)).data.data<float>()[0]; };
  EXPECT_EQ(range("layer2.0.conv1._input_quantizer._amax"), 2.0f);
  EXPECT_EQ(range(other), 3.0f);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].find("layer2.0.conv1._input_quantizer and layer2.0.downsample.0._input_quantizer"),
            std::string::npos)
      << told[0];

  // A checkpoint of ours keeps them so.
  io::save_checkpoint(folder / "ours.pth", {.graph = graph, .training = {}});
  const ir::Graph again = from_file(folder / "ours.pth", resnet8());
  EXPECT_EQ(again.value(again.find_value(other)).data.data<float>()[0], 3.0f);
}

TEST(Network, RangesOfAPlainStateDictMakeItQuantized) {
  const testing::TempFolder folder;
  write_ranges(folder / "q.pth", 2.0f);
  const ir::Graph graph = from_file(folder / "q.pth", resnet8());
  EXPECT_TRUE(quant::is_quantized(graph));
  config::Options options = resnet8();
  options.model.weights = folder / "q.pth";
  EXPECT_TRUE(quant::is_quantized(from_options(options)));
}

TEST(Network, BadRangesOfAPlainStateDictAreRefused) {
  const testing::TempFolder folder;
  for (const float amax : {-1.0f, std::nanf(""), INFINITY}) {
    write_ranges(folder / "q.pth", amax);
    try {
      from_file(folder / "q.pth", resnet8());
      ADD_FAILURE() << amax << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kBadFile);
      EXPECT_NE(std::string(error.what()).find("q.pth"), std::string::npos) << error.what();
    }
  }
}

TEST(Network, WeightsThatAreNoNumbersAreNamed) {
  const testing::TempFolder folder;
  ir::Graph graph = from_options(resnet8());
  graph.value(graph.find_value("layer2.0.conv1.weight")).data.data<float>()[3] = std::nanf("");
  io::save_checkpoint(folder / "nan.pth", {.graph = graph, .training = {}});
  try {
    from_file(folder / "nan.pth", resnet8());
    ADD_FAILURE() << "NaN was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kBadFile);
    EXPECT_NE(std::string(error.what()).find("layer2.0.conv1.weight"), std::string::npos) << error.what();
  }
}

TEST(Network, WhatAFileLacksIsTold) {
  const testing::TempFolder folder;
  const ir::Graph graph = from_options(resnet8());
  io::PyDict state;
  for (const auto& [name, tensor] : io::state_dict(graph)) {
    if (name != "fc.bias") state.emplace_back(name, io::PyValue{.data = tensor});
  }
  io::write_pth(folder / "f.pth", io::PyValue{.data = state});
  config::Options options = resnet8();
  options.model.strict = false;
  std::string told;
  from_file(folder / "f.pth", options, [&](const std::string& line) { told += line; });
  EXPECT_NE(told.find("fc.bias"), std::string::npos) << told;
  options.model.strict = true;
  EXPECT_THROW(from_file(folder / "f.pth", options), Error);
}

TEST(Network, ASoftmaxAtTheEndIsTakenOff) {
  ir::Graph graph = from_options(resnet8());
  const ir::ValueId logits = graph.outputs[0];
  graph.outputs[0] = graph.add_node(ir::Op::kSoftmax, "softmax", {logits}, ir::AxisAttrs{.axis = 1});
  const size_t nodes = graph.nodes.size();
  std::string told;
  end_in_logits(graph, [&](const std::string& line) { told += line; });
  EXPECT_EQ(graph.nodes.size(), nodes - 1);
  EXPECT_NE(told.find("softmax"), std::string::npos);
}

}  // namespace
}  // namespace qat::model
