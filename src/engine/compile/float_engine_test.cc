// Float engines against the interpreter; placeholder, best and picture input; the classifier's view is in eval.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/cpu.h"
#include "engine/compile/test_networks.h"
#include "engine/plan/file.h"
#include "engine/runtime/session.h"
#include "ir/interpret.h"

namespace qat::engine {
namespace {

std::vector<float> run(const Plan& plan, const void* input, const InputShape& shape, int threads = 1) {
  Session session(std::make_shared<const Plan>(plan), {.threads = threads});
  session.bind(shape);
  std::vector<float> logits(static_cast<size_t>(count(session.output_shape(0))));
  session.run(input, {logits.data()});
  return logits;
}

double worst(std::span<const float> expected, std::span<const float> got) {
  double largest = 1e-30, difference = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    largest = std::max<double>(largest, std::abs(expected[i]));
    difference = std::max<double>(difference, std::abs(expected[i] - got[i]));
  }
  return difference / largest;
}

BuildRequest request_for(ir::Graph graph, const std::string& precision) {
  BuildRequest request{.graph = std::move(graph), .profile = {{1, 3, 32, 32}, {2, 3, 40, 48}, {3, 3, 97, 161}}};
  request.precision = precision;
  request.tactic_seconds = 0;
  return request;
}

TEST(FloatEngines, EqualTheInterpreter) {
  for (const char* name : {"resnet8", "mobilenet_v2", "squeeze_excite", "dense"}) {
    const ir::Graph graph = test::float_network(name);
    const Plan plan = build(request_for(graph, "fp32")).plan;
    for (const Shape& shape : {Shape{2, 3, 40, 48}, Shape{3, 3, 97, 161}}) {
      const Tensor images = test::random_images(shape, 8);
      const Tensor expected = ir::interpret(graph, {images}).outputs[0];
      const auto got = run(plan, images.raw(), {shape[0], shape[1], shape[2], shape[3]});
      EXPECT_LE(worst(expected.data<float>(), got), 1e-4) << name << " " << to_string(shape);
    }
  }
}

TEST(FloatEngines, Bf16IsCloseWhereTheMachineHasIt) {
  const ir::Graph graph = test::float_network("resnet8");
  const BuildResult built = build(request_for(graph, "bf16"));
  if (!cpu().avx512_bf16) {
    EXPECT_EQ(built.plan.precision, "fp32");
    EXPECT_FALSE(built.report.notes.empty());
  }
  const Tensor images = test::random_images({2, 3, 40, 48}, 8);
  const Tensor expected = ir::interpret(graph, {images}).outputs[0];
  EXPECT_LE(worst(expected.data<float>(), run(built.plan, images.raw(), {2, 3, 40, 48})), 0.05);
}

TEST(Build, AFloatFileGetsPlaceholderScalesMarkedSo) {
  const BuildResult built = build(request_for(test::float_network("resnet8"), "int8"));
  EXPECT_TRUE(built.plan.placeholder && built.report.placeholder);
  const std::string bytes = serialize(built.plan);
  const auto copy = std::make_shared<std::string>(bytes);
  EXPECT_TRUE(parse(std::as_bytes(std::span(copy->data(), copy->size())), copy, "x").placeholder);
  EXPECT_FALSE(build(request_for(test::quantized_network("resnet8"), "int8")).plan.placeholder);
}

TEST(Build, BestOfAFloatFileIsFloat) {
  const BuildResult built = build(request_for(test::float_network("resnet8"), "best"));
  EXPECT_FALSE(built.plan.placeholder);
  EXPECT_EQ(built.plan.precision, "best");
  ASSERT_FALSE(built.report.notes.empty());
  EXPECT_NE(built.report.notes.back().find("no Q/DQ"), std::string::npos);
}

TEST(Build, MeasuredTacticsGiveTheSameAnswersAndFillTheCache) {
  const ir::Graph graph = test::quantized_network("resnet8");
  const std::string cache = testing::TempDir() + "/tactics.cache";
  std::filesystem::remove(cache);
  BuildRequest request = request_for(graph, "int8");
  const Plan first = build(request).plan;
  request.tactic_seconds = 2;
  request.timing_cache = cache;
  const BuildResult measured = build(request);
  EXPECT_EQ(serialize(build(request).plan), serialize(measured.plan));  // the cache decides
  const Tensor images = test::random_images({2, 3, 40, 48}, 2);
  EXPECT_EQ(run(first, images.raw(), {2, 3, 40, 48}), run(measured.plan, images.raw(), {2, 3, 40, 48}));
  EXPECT_GT(measured.report.layers.at(1).milliseconds, 0);
  std::filesystem::remove(cache);
}

TEST(Build, BestRunsAndAnswersAlike) {
  const ir::Graph graph = test::quantized_network("resnet8");
  BuildRequest request = request_for(graph, "best");
  request.tactic_seconds = 1;
  const Tensor images = test::random_images({2, 3, 40, 48}, 2);
  const Tensor expected = ir::interpret(graph, {images}).outputs[0];
  EXPECT_LE(worst(expected.data<float>(), run(build(request).plan, images.raw(), {2, 3, 40, 48})), 0.2);
}

// u8 [N,H,W,C] through tables equals the same pictures normalized to f32 [N,C,H,W].
TEST(Build, PicturesEqualNormalizedFloats) {
  for (const char* precision : {"int8", "fp32"}) {
    ir::Graph graph = test::quantized_network("resnet8");
    graph.metadata["mean"] = "0.485,0.456,0.406";
    graph.metadata["std"] = "0.229,0.224,0.225";
    const float mean[] = {0.485f, 0.456f, 0.406f}, std[] = {0.229f, 0.224f, 0.225f};
    std::vector<uint8_t> pixels(2 * 40 * 48 * 3);
    Tensor images(DType::kF32, {2, 3, 40, 48});
    for (size_t i = 0; i < pixels.size(); ++i) {
      pixels[i] = static_cast<uint8_t>(i * 37 + i / 256);
      const size_t n = i / (40 * 48 * 3), p = i / 3 % (40 * 48), c = i % 3;
      images.data<float>()[(n * 3 + c) * 40 * 48 + p] = (static_cast<float>(pixels[i]) / 255.0f - mean[c]) / std[c];
    }
    BuildRequest request = request_for(graph, precision);
    const std::vector<float> expected = run(build(request).plan, images.raw(), {2, 3, 40, 48});
    request.input = InputMode::kU8Nhwc;
    const std::vector<float> got = run(build(request).plan, pixels.data(), {2, 3, 40, 48});
    EXPECT_LE(worst(expected, got), std::string(precision) == "int8" ? 0.0 : 1e-5) << precision;
  }
}

TEST(Build, PicturesAreNotNormalizedByNumbersOfBytes) {
  BuildRequest request = request_for(test::quantized_network("resnet8"), "int8");
  request.input = InputMode::kU8Nhwc;
  request.graph.metadata["mean"] = "123.675,116.28,103.53";
  request.graph.metadata["std"] = "58.395,57.12,57.375";
  try {
    build(request);
    FAIL() << "a mean of 123.675 passed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kBadFile);
    EXPECT_NE(std::string(error.what()).find("are of pixels 0 to 255"), std::string::npos) << error.what();
  }
  request.graph.metadata["mean"] = "0.5", request.graph.metadata["std"] = "0.25,0,0.25";
  try {
    build(request);
    FAIL() << "a deviation of 0 passed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kBadFile);  // the file's fault: told by its name
    EXPECT_NE(std::string(error.what()).find("deviation [0.25, 0, 0.25] is not above 0"), std::string::npos)
        << error.what();
  }
}

TEST(Build, WithoutShapesTheFilesOwnAreTaken) {
  BuildRequest request = request_for(test::float_network("resnet8"), "fp32");
  request.profile = {{0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}};
  request.graph.value(request.graph.inputs[0]).dims = {ir::kDynamic, 3, 32, 48};
  const Plan plan = build(request).plan;
  for (const InputShape& shape : {plan.profile.min, plan.profile.opt, plan.profile.max}) {
    EXPECT_EQ(shape, (InputShape{1, 3, 32, 48}));
  }
}

TEST(Build, ImpossibleRequestsSayWhy) {
  const auto message = [](const BuildRequest& request) {
    try {
      build(request);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kUsage);
      return std::string(error.what());
    }
    return std::string("built");
  };
  BuildRequest request = request_for(test::float_network("resnet8"), "int4");
  EXPECT_NE(message(request).find("expected fp32, bf16"), std::string::npos);
  request.precision = "fp32";
  request.profile.max = {1, 3, 16, 16};
  EXPECT_NE(message(request).find("min <= opt <= max"), std::string::npos);
  request.profile = {{1, 1, 32, 32}, {1, 1, 32, 32}, {1, 1, 32, 32}};
  EXPECT_NE(message(request).find("takes images of 3 channels, not of the shapes 1x1x32x32"), std::string::npos);
  BuildRequest vgg = request_for(test::float_network("vgg16_bn"), "fp32");
  EXPECT_NE(message(vgg).find("fixes it"), std::string::npos);
  EXPECT_THROW(parse_shape("1x3x224"), Error);
  EXPECT_THROW(parse_shape("input:1x3x-1x2"), Error);
  EXPECT_EQ(parse_shape("input:1x3x64x65"), (InputShape{1, 3, 64, 65}));
}

}  // namespace
}  // namespace qat::engine
