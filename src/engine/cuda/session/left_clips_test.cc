// Which convolutions leave their clip to the depthwise layer behind them, and that a session's outputs do not change.
#include "engine/cuda/session/left_clips.h"

#include <cmath>

#include "engine/cuda/session/session.h"
#include "engine/cuda/test_support.h"

namespace qat::cuda {
namespace {

using engine::Plan;
using engine::Step;
using engine::StepOp;
using engine::Storage;

constexpr int32_t kChannels = 8;

// A 1x1 convolution with ReLU6, a 3x3 depthwise one, and an output; weights and images make values far above 6.
struct Network {
  std::vector<float> floats;
  Plan plan;

  Network() {
    Random random(1);
    for (int32_t i = 0; i < kChannels * (kChannels + 9 + 2); ++i)
      floats.push_back(static_cast<float>(random.normal() * 2));
    plan.network = "clip", plan.precision = "fp16", plan.rebuild = "qat build";
    plan.device = engine::Device::kCuda, plan.compute_capability = test_capability();
    plan.input = {"input", kChannels, 4}, plan.outputs = {{"output", kChannels, 4}};
    plan.profile = {{1, kChannels, 1, 1}, {2, kChannels, 8, 8}, {4, kChannels, 16, 16}};
    for (const char* name : {"x", "clipped", "y"})
      plan.tensors.push_back({.name = name, .storage = Storage::kF16, .channels = kChannels});
    Step read{.op = StepOp::kReadF32, .name = "read", .inputs = {-1}, .output = 0};
    Step expand{.op = StepOp::kFloatConv, .name = "expand", .inputs = {0}, .output = 1};
    expand.attrs.activation = Activation::kClip, expand.attrs.p1 = 6;
    expand.blobs[0] = {0, kChannels * kChannels * 4}, expand.blobs[1] = {kChannels * kChannels * 4, kChannels * 4};
    Step depthwise{.op = StepOp::kFloatConv, .name = "depthwise", .inputs = {1}, .output = 2};
    depthwise.attrs.kernel = {3, 3}, depthwise.attrs.pads = {1, 1, 1, 1}, depthwise.attrs.groups = kChannels;
    const uint64_t second = kChannels * (kChannels + 1) * 4;
    depthwise.blobs[0] = {second, kChannels * 9 * 4}, depthwise.blobs[1] = {second + kChannels * 9 * 4, kChannels * 4};
    Step write{.op = StepOp::kWriteF32, .name = "write", .inputs = {2}, .output = -1};
    plan.steps = {read, expand, depthwise, write};
    plan.blobs = {reinterpret_cast<const std::byte*>(floats.data()), floats.size() * sizeof(float)};
  }
  std::vector<float> clips() const { return left_clips(plan, infer_extents(plan, {2, kChannels, 7, 5})); }
};

TEST(LeftClips, ToTheDepthwiseLayerThatAloneReads) {
  Network network;
  EXPECT_TRUE(std::isinf(network.clips()[0]));
  EXPECT_EQ(network.clips()[1], 6.0f);
  EXPECT_TRUE(std::isinf(network.clips()[2]));
}

TEST(LeftClips, NotToOthers) {
  Network read_twice, added, relu, negative, grouped;
  read_twice.plan.steps.back().inputs = {1};
  added.plan.steps[2].inputs = {0, 1};
  relu.plan.steps[1].attrs.p1 = std::numeric_limits<float>::infinity();
  negative.plan.steps[1].attrs.p0 = -1;
  grouped.plan.steps[2].attrs.groups = 1, grouped.plan.steps[2].blobs[0].size = kChannels * kChannels * 9 * 4;
  for (const Network* network : {&read_twice, &added, &relu, &negative, &grouped})
    for (const float clip : network->clips()) EXPECT_TRUE(std::isinf(clip));
}

TEST(LeftClips, OutputsAreTheSame) {
  QAT_NEEDS_GPU();
  const Network network;
  const auto plan = std::make_shared<const Plan>(network.plan);
  CudaSession kept(plan, {.keep_tensors = true}, "test"), left(plan, {}, "test");
  Random random(2);
  std::vector<float> x(2 * kChannels * 7 * 5), expected(x.size()), got(x.size());
  for (float& v : x) v = static_cast<float>(random.normal() * 2);
  for (CudaSession* session : {&kept, &left}) session->bind({2, kChannels, 7, 5});
  kept.run(x.data(), {expected.data()});
  left.run(x.data(), {got.data()});
  const std::vector<float> clipped = kept.tensor(1);
  EXPECT_EQ(*std::max_element(clipped.begin(), clipped.end()), 6.0f);
  for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(got[i], expected[i], 0.25) << i;  // fp16 sums of up to 200
}

}  // namespace
}  // namespace qat::cuda
