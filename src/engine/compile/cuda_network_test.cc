// Whole networks on the GPU: int8 engines equal the CPU's and the interpreter bit for bit, with every tactic; float
// ones come close. Without a GPU: builds and engines are refused with one line.
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "engine/compile/test_networks.h"
#include "engine/cuda/backend.h"
#include "engine/plan/file.h"
#include "engine/runtime/session.h"
#include "ir/interpret.h"

namespace qat::engine {
namespace {

bool has_gpu() {
  try {
    return cuda_backend().device().compute_capability >= 80;
  } catch (const Error&) {
    return false;
  }
}

InputShape shape_of(const Tensor& images) { return {images.dim(0), images.dim(1), images.dim(2), images.dim(3)}; }

Plan build_for(Device device, const ir::Graph& graph, const std::string& precision, const InputShape& min,
               const InputShape& opt, const InputShape& max, double tactic_seconds = 0) {
  BuildRequest request{.graph = graph, .profile = {min, opt, max}};
  request.precision = precision;
  request.device = device;
  request.tactic_seconds = tactic_seconds;
  return build(std::move(request)).plan;
}

std::vector<float> run(Session& session, const Tensor& images) {
  session.bind(shape_of(images));
  std::vector<float> logits(static_cast<size_t>(count(session.output_shape(0))));
  session.run(images.raw(), {logits.data()});
  return logits;
}

std::vector<float> run(const Plan& plan, const Tensor& images) {
  Session session(std::make_shared<const Plan>(plan), {.threads = 1});
  return run(session, images);
}

void expect_equal(std::span<const float> expected, std::span<const float> got, const std::string& what) {
  ASSERT_EQ(expected.size(), got.size()) << what;
  size_t wrong = 0, first = 0;
  for (size_t i = expected.size(); i-- > 0;) {
    if (expected[i] == got[i]) continue;
    ++wrong;
    first = i;
  }
  EXPECT_EQ(wrong, 0u) << what << ": first at " << first << ", expected " << expected[first] << ", got " << got[first];
}

class CudaNetworks : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!has_gpu()) GTEST_SKIP() << "no GPU here";
  }
  std::vector<Shape> shapes() const {
    if (test::fixed_size(GetParam())) return {{2, 3, 224, 224}};
    return {{1, 3, 64, 64}, {3, 3, 97, 161}, {2, 3, 33, 47}};
  }
  Plan plan_on(Device device, const ir::Graph& graph, const std::string& precision, double tactic_seconds = 0) const {
    const std::vector<Shape> all = shapes();
    const Shape& opt = all.size() > 1 ? all[1] : all[0];
    const InputShape most{opt[0], opt[1], opt[2], opt[3]};
    return build_for(device, graph, precision, all.size() > 1 ? InputShape{1, 3, 32, 32} : most, most, most,
                     tactic_seconds);
  }
};

TEST_P(CudaNetworks, Int8EqualsTheCpu) {
  const ir::Graph graph = test::quantized_network(GetParam());
  const Plan cpu = plan_on(Device::kCpu, graph, "int8");
  const Plan first = plan_on(Device::kCuda, graph, "int8"), tuned = plan_on(Device::kCuda, graph, "int8", 8.0);
  Session dynamic(std::make_shared<const Plan>(tuned));
  for (const Shape& shape : shapes()) {
    const Tensor images = test::random_images(shape, 7);
    const std::vector<float> expected = run(cpu, images);
    expect_equal(expected, run(first, images), cat(GetParam(), " ", to_string(shape), ", the tables' first kernels"));
    expect_equal(expected, run(dynamic, images), cat(GetParam(), " ", to_string(shape), ", tuned, first run"));
    expect_equal(expected, run(dynamic, images), cat(GetParam(), " ", to_string(shape), ", tuned, second run"));
  }
}

TEST_P(CudaNetworks, Fp16ComesCloseToTheCpusFp32) {
  const ir::Graph graph = test::float_network(GetParam());
  const Plan cpu = plan_on(Device::kCpu, graph, "fp32");
  const Tensor images = test::random_images(shapes()[0], 5);
  const std::vector<float> expected = run(cpu, images);
  double norm = 0;
  for (const float x : expected) norm += static_cast<double>(x) * x;
  // Eleven bits a value and some fifty layers, against float's twenty-four.
  for (const auto& [precision, tolerance] : {std::pair{"fp16", 2e-2}, std::pair{"fp32", 1e-4}}) {
    // Untrained, its sums over fifty residual blocks leave fp16's range.
    if (GetParam() == "resnet152" && precision == std::string_view("fp16")) continue;
    const std::vector<float> got = run(plan_on(Device::kCuda, graph, precision), images);
    double error = 0;
    for (size_t i = 0; i < got.size(); ++i) error += std::pow(static_cast<double>(got[i]) - expected[i], 2);
    EXPECT_LE(std::sqrt(error / norm), tolerance) << GetParam() << " " << precision;
  }
}

INSTANTIATE_TEST_SUITE_P(All, CudaNetworks, testing::ValuesIn(test::network_names()),
                         [](const auto& info) { return info.param; });

TEST(CudaEngines, EqualTheInterpreter) {
  if (!has_gpu()) GTEST_SKIP() << "no GPU here";
  const ir::Graph graph = test::quantized_network("resnet8");
  PassContext context;
  const ir::Graph lowered = run_passes(graph, {}, context);
  const Plan plan = build_for(Device::kCuda, graph, "int8", {1, 3, 32, 32}, {2, 3, 64, 64}, {4, 3, 64, 64});
  const Tensor images = test::random_images({4, 3, 49, 61}, 9);
  expect_equal(ir::interpret(lowered, {images}).outputs[0].data<float>(), run(plan, images), "interpreter");
  const Plan loaded = [&] {
    const std::string path = testing::TempDir() + "/cuda_network_test.engine";
    save_plan(path, plan);
    return load_plan(path);
  }();
  expect_equal(run(plan, images), run(loaded, images), "saved and loaded");
}

TEST(CudaEngines, PicturesEqualTheCpu) {
  if (!has_gpu()) GTEST_SKIP() << "no GPU here";
  ir::Graph graph = test::quantized_network("resnet8");
  graph.metadata["mean"] = "0.485,0.456,0.406", graph.metadata["std"] = "0.229,0.224,0.225";
  std::vector<uint8_t> pictures(2 * 33 * 35 * 3);
  for (size_t i = 0; i < pictures.size(); ++i) pictures[i] = static_cast<uint8_t>(i * 37 + i / 256);
  std::vector<std::vector<float>> logits;
  for (const Device device : {Device::kCpu, Device::kCuda}) {
    BuildRequest request{.graph = graph, .profile = {{2, 3, 33, 35}, {2, 3, 33, 35}, {2, 3, 33, 35}}};
    request.precision = "int8", request.input = InputMode::kU8Nhwc, request.device = device;
    request.tactic_seconds = 0;
    Session session(std::make_shared<const Plan>(build(std::move(request)).plan), {.threads = 1});
    session.bind({2, 3, 33, 35});
    logits.emplace_back(static_cast<size_t>(count(session.output_shape(0))));
    session.run(pictures.data(), {logits.back().data()});
  }
  expect_equal(logits[0], logits[1], "u8 NHWC");
}

TEST(CudaEngines, KeptTensorsEqualTheCpus) {
  if (!has_gpu()) GTEST_SKIP() << "no GPU here";
  const ir::Graph graph = test::quantized_network("resnet8");
  const Tensor images = test::random_images({2, 3, 40, 56}, 3);
  std::vector<std::vector<std::vector<float>>> tensors;
  for (const Device device : {Device::kCpu, Device::kCuda}) {
    const auto plan = std::make_shared<const Plan>(
        build_for(device, graph, "int8", shape_of(images), shape_of(images), shape_of(images)));
    Session session(plan, {.threads = 1, .keep_tensors = true});
    run(session, images);
    tensors.emplace_back();
    std::vector<int64_t> shape;
    for (const Step& step : plan->steps) {
      if (step.output >= 0) tensors.back().push_back(session.tensor(step.output, &shape));
    }
  }
  ASSERT_EQ(tensors[0].size(), tensors[1].size());
  for (size_t i = 0; i < tensors[0].size(); ++i) expect_equal(tensors[0][i], tensors[1][i], cat("step ", i));
}

TEST(CudaEngines, AreRefusedOnAnotherMachine) {
  const ir::Graph graph = test::quantized_network("resnet8");
  Plan plan = build_for(Device::kCpu, graph, "int8", {1, 3, 32, 32}, {1, 3, 32, 32}, {1, 3, 32, 32});
  plan.device = Device::kCuda;
  plan.compute_capability = 75;  // none that qat has kernels for
  plan.rebuild = "qat build --onnx=x.onnx BUILD.DEVICE=cuda";
  const auto expect_refused = [](const auto& act, const std::string& part) {
    try {
      act();
      FAIL() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kWrongMachine) << error.what();
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    }
  };
  expect_refused([&] { Session session(std::make_shared<const Plan>(plan)); },
                 has_gpu() ? "rebuild it here: " + plan.rebuild : "rebuild it for this CPU: qat build --onnx=x.onnx");
  if (has_gpu()) return;
  expect_refused([&] { build_for(Device::kCuda, graph, "int8", {1, 3, 32, 32}, {1, 3, 32, 32}, {1, 3, 32, 32}); }, "");
}

TEST(CudaEngines, ShortMemoryIsSaid) {
  if (!has_gpu()) GTEST_SKIP() << "no GPU here";
  const Plan plan = build_for(Device::kCuda, test::quantized_network("resnet8"), "int8", {1, 3, 32, 32}, {1, 3, 32, 32},
                              {1 << 20, 3, 4096, 4096});
  Session session(std::make_shared<const Plan>(plan));
  try {
    session.bind({1 << 14, 3, 4096, 4096});
    FAIL() << "bound";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kOutOfMemory) << error.what();
  }
  const Tensor images = test::random_images({1, 3, 32, 32}, 1);
  EXPECT_FALSE(run(session, images).empty()) << "usable after the refusal";
}

}  // namespace
}  // namespace qat::engine
