// Whole networks: the engine equals the interpreter of its lowered graph bit for bit, at any shape, thread count and
// ISA.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "engine/compile/test_networks.h"
#include "engine/plan/file.h"
#include "engine/runtime/session.h"
#include "ir/interpret.h"

namespace qat::engine {
namespace {

using test::expect_equal;
using test::run_engine;

class Networks : public testing::TestWithParam<std::string> {};

TEST_P(Networks, EngineEqualsTheInterpreterOfItsLoweredGraph) {
  const ir::Graph graph = test::quantized_network(GetParam());
  PassContext context;
  const ir::Graph lowered = run_passes(graph, {}, context);
  const Plan plan = test::build_int8(graph, {1, 3, 32, 32}, {3, 3, 97, 161});
  const bool fixed = test::fixed_size(GetParam());
  const std::vector<Shape> shapes = fixed ? std::vector<Shape>{{2, 3, 224, 224}}
                                          : std::vector<Shape>{{1, 3, 64, 64}, {3, 3, 97, 161}, {2, 3, 33, 47}};
  for (const Shape& shape : shapes) {
    const Tensor images = test::random_images(shape, 7);
    const Tensor expected = ir::interpret(lowered, {images}).outputs[0];
    const std::vector<float> one = run_engine(plan, images, 1), two = run_engine(plan, images, 2);
    EXPECT_NE(*std::max_element(one.begin(), one.end()), *std::min_element(one.begin(), one.end()));
    expect_equal(expected.data<float>(), one, cat(GetParam(), " ", to_string(shape), ", 1 thread"));
    expect_equal(one, two, cat(GetParam(), " ", to_string(shape), ", 2 threads"));
    if (!fixed) {
      const InputShape only{shape[0], shape[1], shape[2], shape[3]};
      expect_equal(one, run_engine(test::build_int8(graph, only, only), images, 1), "static engine");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Networks, testing::ValuesIn(test::network_names()),
                         [](const auto& info) { return info.param; });

// As files of pytorch-quantization may have it: a block's convolution and its downsample see one tensor in two scales.
TEST(Engines, OneTensorQuantizedTwice) {
  const std::string down = "layer2.0.downsample.0._input_quantizer._amax";
  const auto stored = [&](const std::string& name) { return std::optional(name == down ? 2.0f : 1.0f); };
  ir::Graph graph = test::quantize_by_interpreter(test::float_network("resnet8"), {1, 3, 64, 64}, {.stored = stored});
  graph.value(graph.find_value(down)).data.data<float>()[0] *= 1.3f;
  PassContext context;
  const Tensor images = test::random_images({2, 3, 33, 47}, 7);
  const Tensor expected = ir::interpret(run_passes(graph, {}, context), {images}).outputs[0];
  const std::vector<float> got = run_engine(test::build_int8(graph, {1, 3, 32, 32}, {3, 3, 97, 161}), images, 1);
  expect_equal(expected.data<float>(), got, "two scales");
}

TEST(Engines, SaveLoadSaveGivesTheSameBytes) {
  const ir::Graph graph = test::quantized_network("resnet8");
  const Plan plan = test::build_int8(graph, {1, 3, 32, 32}, {2, 3, 64, 64});
  const std::string bytes = serialize(plan);
  EXPECT_EQ(serialize(test::build_int8(graph, {1, 3, 32, 32}, {2, 3, 64, 64})), bytes);
  const std::string path = testing::TempDir() + "/network_test.engine";
  save_plan(path, plan);
  const Plan loaded = load_plan(path);
  EXPECT_EQ(serialize(loaded), bytes);
  const Tensor images = test::random_images({2, 3, 40, 56}, 3);
  expect_equal(run_engine(plan, images, 1), run_engine(loaded, images, 1), "loaded");
}

TEST(Engines, DamagedFilesAreRefused) {
  const std::string bytes =
      serialize(test::build_int8(test::quantized_network("resnet8"), {1, 3, 32, 32}, {1, 3, 32, 32}));
  const auto code = [](const std::string& content) {
    const auto copy = std::make_shared<std::string>(content);
    try {
      parse(std::as_bytes(std::span(copy->data(), copy->size())), copy, "x.engine");
    } catch (const Error& error) {
      return error.code();
    }
    return Code::kOk;
  };
  ASSERT_EQ(code(bytes), Code::kOk);
  Random random(11);
  for (int i = 0; i < 1000; ++i) {
    std::string damaged = bytes;
    const auto at = static_cast<size_t>(random.below(static_cast<int64_t>(bytes.size())));
    damaged[at] = static_cast<char>(damaged[at] ^ static_cast<char>(1 + random.below(255)));
    ASSERT_EQ(code(damaged), Code::kBadFile) << "byte " << at;
    ASSERT_EQ(code(bytes.substr(0, at)), Code::kBadFile) << at << " bytes";
  }
}

TEST(Engines, ShapesOutsideTheProfileAreRefused) {
  const auto plan = std::make_shared<const Plan>(
      test::build_int8(test::quantized_network("resnet8"), {1, 3, 32, 32}, {2, 3, 64, 64}));
  Session session(plan, {.threads = 1});
  const InputShape wrong[] = {{3, 3, 32, 32}, {1, 3, 31, 32}, {1, 3, 32, 65},
                              {1, 1, 32, 32}, {1, 4, 32, 32}, {0, 3, 32, 32}};
  for (const InputShape& shape : wrong) {
    try {
      session.bind(shape);
      FAIL() << join(shape, "x");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kUsage);
      const char* remedy = shape[1] == 3 ? "--minShapes" : "the network takes images of 3 channels";
      EXPECT_NE(std::string(error.what()).find(remedy), std::string::npos) << error.what();
    }
  }
  session.bind({2, 3, 64, 64});
}

TEST(Engines, EveryOptionalPassMayBeDisabled) {
  const ir::Graph graph = test::quantized_network("resnet8");
  const Tensor images = test::random_images({1, 3, 32, 32}, 5);
  for (const Pass& pass : passes()) {
    BuildRequest request{.graph = graph, .profile = {{1, 3, 32, 32}, {1, 3, 32, 32}, {1, 3, 32, 32}}};
    request.precision = "int8";
    request.tactic_seconds = 0;
    request.disabled_passes = {pass.name};
    if (!pass.optional) {
      EXPECT_THROW(build(request), Error) << pass.name;
      continue;
    }
    PassContext context;
    const ir::Graph lowered = run_passes(graph, {pass.name}, context);
    const Tensor expected = ir::interpret(lowered, {images}).outputs[0];
    const std::vector<float> got = run_engine(build(request).plan, images, 1);
    // Float leftovers sum in another order: compare within a thousandth of the largest logit.
    float largest = 0, worst = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      largest = std::max(largest, std::abs(expected.data<float>()[i]));
      worst = std::max(worst, std::abs(expected.data<float>()[i] - got[i]));
    }
    EXPECT_LE(worst, 0.05f * largest) << pass.name;
  }
}

}  // namespace
}  // namespace qat::engine
