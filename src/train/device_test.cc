// The GPU beside the host, where there is one: exact evaluation, what the feed augments, resumed and moved runs.
#include "train/device.h"

#include <gtest/gtest.h>

#include "data/data.h"
#include "ir/random_graph.h"
#include "quant/placement.h"
#include "train/calibration.h"
#include "train/learner.h"
#include "train/trainer.h"
#include "train/trainer_testing.h"
#include "zoo/zoo.h"

namespace qat::train {
namespace {

namespace fs = std::filesystem;
using qat::testing::TempFolder;

bool has_gpu() {
  try {
    return device_plugin("cuda") != nullptr;
  } catch (const Error&) {
    return false;
  }
}

#define QAT_NEEDS_GPU() \
  if (!has_gpu()) GTEST_SKIP() << "no GPU here, or no plugin for it"

// Ranges of the size that values have, by calibration on x.
ir::Graph quantized(const std::string& net, int64_t channels, const Tensor& x) {
  ir::Graph graph = zoo::build(net, {.in_channels = channels, .classes = 11});
  ir::randomize(graph);
  GraphModule module(quant::place(graph, {}), {.weight_ranges = WeightRangeMode::kStep});
  const auto quantizers = quant::activation_quantizers(module.graph());
  module.observe(x, [&](size_t quantizer, std::span<const float> values) {
    const ir::Node& node = module.graph().nodes[static_cast<size_t>(quantizers[quantizer])];
    float& range = module.graph().value(node.inputs[1]).data.data<float>()[0];
    for (float v : values) range = std::max(range, std::fabs(v));
  });
  module.weights_changed();
  return ir::clone(module.graph());
}

TEST(Device, QuantizedLogitsAreTheHostsToTheBit) {
  QAT_NEEDS_GPU();
  struct Case {
    const char* net;
    int64_t channels, height, width;
  };
  for (const Case& c : {Case{"resnet8", 1, 29, 27}, Case{"resnet18", 3, 49, 65}, Case{"resnet50", 3, 33, 35},
                        Case{"mobilenet_v2", 3, 33, 47}, Case{"resnext50_32x4d", 3, 40, 33}}) {
    const Tensor x = ir::random_tensor({5, c.channels, c.height, c.width}, 5, -2, 2);
    const ir::Graph graph = quantized(c.net, c.channels, x);
    GraphModule host(ir::clone(graph), {}), device(ir::clone(graph), {.device = "cuda"});
    const Tensor want = host.logits(x), got = device.logits(x);
    ASSERT_EQ(want.shape(), got.shape());
    for (size_t i = 0; i < want.data<float>().size(); ++i) {
      ASSERT_EQ(got.data<float>()[i], want.data<float>()[i]) << c.net << ", logit " << i;
    }
  }
}

TEST(Device, BytesAreNormalizedAsOnTheHost) {
  QAT_NEEDS_GPU();
  const Tensor x = ir::random_tensor({3, 3, 32, 32}, 5, -2, 2);
  const ir::Graph graph = quantized("resnet18", 3, x);
  Tensor bytes(DType::kU8, {7, 31, 33, 3});
  Random random(4);
  for (uint8_t& v : bytes.data<uint8_t>()) v = static_cast<uint8_t>(random.below(256));
  ModuleOptions options{.mean = {0.4, 0.5, 0.6}, .std = {0.2, 0.25, 0.3}};
  GraphModule host(ir::clone(graph), options);
  options.device = "cuda";
  GraphModule device(ir::clone(graph), options);
  const Tensor want = host.logits(bytes), got = device.logits(bytes);
  EXPECT_TRUE(std::ranges::equal(got.data<float>(), want.data<float>()));
}

// Two learners of one graph, one fed with what the loader augments, one with what it leaves to the feed.
TEST(Device, TheFeedAugmentsAsTheLoaderDoes) {
  QAT_NEEDS_GPU();
  const TempFolder folder;
  config::Options o = options_in(folder);
  o.device = "cuda", o.data.pad = 2, o.data.size = 12, o.data.flip = true;
  const std::shared_ptr<const data::Dataset> images = data::open_dataset(o.data, data::Split::kTrain);
  const data::SplitTransform split = data::split_train_transform(o.data, images->same_size());
  ASSERT_TRUE(split.rest.crop && split.rest.flip);
  data::LoaderOptions loading{.batch = 16, .shuffle = true, .seed = 5};
  data::Loader whole(images, data::train_transform(o.data), loading);
  loading.rest = split.rest;
  data::Loader left(images, split.transform, loading);
  ir::Graph net = zoo::build("resnet8", {.in_channels = 1, .classes = 4});
  zoo::initialize(net, 1);
  Learner first(ir::clone(net), o), second(ir::clone(net), o);
  whole.start(2), left.start(2);
  for (int64_t step = 0; step < 5; ++step) {
    first.step(whole.next().value(), {.step = step, .lr = 0.05});
    second.step(left.next().value(), {.step = step, .lr = 0.05});
  }
  first.synchronize(), second.synchronize();
  for (size_t i = 0; i < net.values.size(); ++i) {
    const ir::Value &a = first.graph().values[i], &b = second.graph().values[i];
    if (a.role == ir::Role::kActivation || a.type != DType::kF32) continue;
    EXPECT_TRUE(std::ranges::equal(a.data.data<float>(), b.data.data<float>())) << a.name;
  }
}

TEST(Device, ResumedRunsEndInTheSameBits) {
  QAT_NEEDS_GPU();
  for (const bool finetune : {false, true}) {
    const TempFolder folder;
    config::Options o = options_in(folder);
    o.device = "cuda", o.train.ema = 0.9, o.data.flip = true;
    if (finetune) {
      run_training(o, false, {});
      o.train.checkpoint = run_calibration(o, {}).string();
      o.train.ranges = "moving", o.train.lr = 0.01, o.train.save_every = 3, o.train.freeze_bn = 2;
    }
    const TrainResult whole = run_training(o, false, {});
    const std::string best = weights(whole.best), last = weights(whole.last);
    int steps = 14;  // in the second epoch of ten steps
    const TrainResult first = run_training(o, false, stop_after(&steps));
    EXPECT_TRUE(first.interrupted);
    EXPECT_NE(weights(first.last), last);
    const TrainResult second = run_training(o, true, {});
    EXPECT_EQ(weights(second.last), last) << (finetune ? "finetuning" : "float");
    EXPECT_EQ(weights(second.best), best);
    EXPECT_EQ(second.best_top1, whole.best_top1);
  }
}

// A run that changes sides in mid-epoch: it goes on where it was, and learns on.
TEST(Device, CheckpointsMoveBetweenHostAndDevice) {
  QAT_NEEDS_GPU();
  for (const auto& [from, to] : {std::pair{"cpu", "cuda"}, std::pair{"cuda", "cpu"}}) {
    const TempFolder folder;
    config::Options o = options_in(folder);
    o.train.epochs = 8, o.device = from;
    int steps = 25;
    ASSERT_TRUE(run_training(o, false, stop_after(&steps)).interrupted);
    o.device = to;
    const TrainResult trained = run_training(o, true, {});
    EXPECT_GE(trained.best_top1, 80.0) << from << " to " << to;
    const fs::path calibrated = run_calibration(o, {});
    Tensor bytes(DType::kU8, {9, 10, 10, 1});
    Random random(1);
    for (uint8_t& v : bytes.data<uint8_t>()) v = static_cast<uint8_t>(random.below(256));
    ModuleOptions options{.mean = o.data.mean, .std = o.data.std};
    GraphModule host(io::load_checkpoint(calibrated).graph, options);
    options.device = "cuda";
    GraphModule device(io::load_checkpoint(calibrated).graph, options);
    const Tensor want = host.logits(bytes), got = device.logits(bytes);
    EXPECT_TRUE(std::ranges::equal(got.data<float>(), want.data<float>())) << from << " to " << to;
  }
}

}  // namespace
}  // namespace qat::train
