// Sessions on a small plan made by hand: host and device memory, streams, shapes in turn, times, refusals.
#include "engine/cuda/session/session.h"

#include "base/error.h"
#include "engine/cuda/test_support.h"

namespace qat::cuda {
namespace {

using engine::Plan;
using engine::Storage;

// An image coded in steps of 1/8 and decoded again, after a look-up that reverses the codes.
std::shared_ptr<const Plan> reversing_plan() {
  auto blobs = std::make_shared<std::vector<std::byte>>(256);
  for (size_t i = 0; i < 256; ++i) (*blobs)[i] = static_cast<std::byte>(255 - i);
  Plan plan;
  plan.network = "reverse", plan.precision = "int8", plan.rebuild = "qat build";
  plan.device = engine::Device::kCuda, plan.compute_capability = test_capability();
  plan.input = {"input", 3, 4}, plan.outputs = {{"output", 3, 4}};
  plan.profile = {{1, 3, 1, 1}, {2, 3, 8, 8}, {4, 3, 16, 16}};
  engine::PlanTensor x{.name = "x", .storage = Storage::kU8, .channels = 3, .scale = 0.125f, .zero = 128};
  engine::PlanTensor y = x;
  y.name = "y";
  plan.tensors = {x, y};
  engine::Step read{.op = engine::StepOp::kReadF32, .name = "read", .inputs = {-1}, .output = 0};
  engine::Step look{.op = engine::StepOp::kLut, .name = "look", .inputs = {0}, .output = 1};
  look.blobs[0] = {0, 256};
  engine::Step write{.op = engine::StepOp::kWriteF32, .name = "write", .inputs = {1}, .output = -1};
  plan.steps = {read, look, write};
  plan.blobs = {blobs->data(), blobs->size()};
  plan.owner = blobs;
  validate(plan);
  return std::make_shared<const Plan>(std::move(plan));
}

std::vector<float> images_of(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<float> x(count);
  for (float& v : x) v = static_cast<float>(random.normal() * 4);
  return x;
}

std::vector<float> expected_of(const std::vector<float>& x) {
  std::vector<float> y;
  y.reserve(x.size());
  for (const float v : x) y.push_back(dequantize(255 - quantize(v, 0.125f, 128, 0, 255), 0.125f, 128));
  return y;
}

std::vector<float> floats(const GuardedBuffer& buffer) {
  const std::vector<uint8_t> bytes = buffer.host();
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

TEST(CudaSession, HostMemory) {
  QAT_NEEDS_GPU();
  CudaSession session(reversing_plan(), {}, "test");
  for (const engine::InputShape& shape : {engine::InputShape{2, 3, 8, 8}, {1, 3, 5, 7}, {2, 3, 8, 8}, {4, 3, 16, 16}}) {
    session.bind(shape);
    EXPECT_EQ(session.bound(), shape);
    const std::vector<float> x = images_of(static_cast<size_t>(shape[0] * shape[1] * shape[2] * shape[3]), 1);
    std::vector<float> y(x.size());
    for (int i = 0; i < 2; ++i) {
      session.run(x.data(), {y.data()});
      EXPECT_EQ(y, expected_of(x));
    }
  }
}

TEST(CudaSession, DeviceMemoryOnAnyStream) {
  QAT_NEEDS_GPU();
  CudaSession session(reversing_plan(), {}, "test");
  session.bind({2, 3, 8, 8});
  cudaStream_t streams[2] = {};
  for (cudaStream_t& stream : streams) check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "test");
  std::vector<GuardedBuffer> x, y;
  std::vector<std::vector<float>> host;
  for (uint64_t i = 0; i < 6; ++i) {
    host.push_back(images_of(2 * 3 * 8 * 8, i));
    x.emplace_back(host.back());
    y.emplace_back(host.back().size() * sizeof(float));
  }
  check(cudaDeviceSynchronize(), "test");
  // Pointers and streams in turn, a host run between them; nobody waits in between.
  for (size_t i = 0; i < x.size(); ++i) {
    session.run_device(x[i].data(), {y[i].as<float>()}, streams[i % 2]);
    if (i != 3) continue;
    std::vector<float> own(host[0].size());
    session.run(host[0].data(), {own.data()});
    EXPECT_EQ(own, expected_of(host[0]));
  }
  check(cudaDeviceSynchronize(), "test");
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(floats(y[i]), expected_of(host[i])) << i;
    EXPECT_TRUE(y[i].guards_intact() && x[i].guards_intact()) << i;
  }
  for (const cudaStream_t stream : streams) check(cudaStreamDestroy(stream), "test");
}

TEST(CudaSession, TimesAndProfile) {
  QAT_NEEDS_GPU();
  CudaSession session(reversing_plan(), {}, "test");
  session.bind({2, 3, 8, 8});
  const std::vector<double> times = session.device_milliseconds(7);
  ASSERT_EQ(times.size(), 7u);
  for (const double time : times) EXPECT_GT(time, 0);
  const std::vector<float> x = images_of(2 * 3 * 8 * 8, 3);
  std::vector<float> y(x.size());
  session.set_profiling(true);
  session.run(x.data(), {y.data()});
  EXPECT_EQ(y, expected_of(x));
  for (const double seconds : session.step_seconds()) EXPECT_GT(seconds, 0);
  EXPECT_EQ(session.step_kernels()[1], "lut_reference");
}

TEST(CudaSession, RefusesBeforeAShapeIsSetAndOutsideTheProfile) {
  QAT_NEEDS_GPU();
  CudaSession session(reversing_plan(), {}, "test");
  float x = 0;
  const auto code_of = [](const auto& act) {
    try {
      act();
    } catch (const Error& error) {
      return error.code();
    }
    return Code::kOk;
  };
  EXPECT_EQ(code_of([&] { session.run(&x, {&x}); }), Code::kUsage);
  EXPECT_EQ(code_of([&] { session.bind({5, 3, 8, 8}); }), Code::kUsage);
  session.bind({1, 3, 1, 1});
  EXPECT_EQ(code_of([&] { session.tensor(0); }), Code::kUsage);
}

}  // namespace
}  // namespace qat::cuda
