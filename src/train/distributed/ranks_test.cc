// Two processes with half a batch each against one with all of it; what they agree on; histograms.
#include <cmath>
#include <cstring>

#include "base/random.h"
#include "quant/placement.h"
#include "train/distributed/agree.h"
#include "train/distributed/histograms.h"
#include "train/distributed/ranks_testing.h"
#include "train/distributed/turns.h"
#include "train/learner.h"
#include "zoo/zoo.h"

namespace qat::train {
namespace {

struct Case {
  const char* name;
  bool quantized, sync_bn;
  const char *ranges, *weight_ranges, *optimizer;
};

const Case kCases[] = {{"float", false, true, "fixed", "fixed", "sgd"},
                       {"moving ranges", true, true, "moving", "step", "sgd"},
                       {"learned ranges", true, true, "learned", "learned", "adamw"},
                       {"statistics of each share", true, false, "moving", "step", "sgd"}};

config::Options options_of(const Case& c) {
  config::Options o;
  o.train.ranges = c.ranges, o.train.weight_ranges = c.weight_ranges, o.train.range_momentum = 0.1;
  o.train.sync_bn = c.sync_bn, o.train.optimizer = c.optimizer, o.train.threads = 1, o.train.ema = 0.9;
  o.data.mean = {0.4}, o.data.std = {0.3};
  return o;
}

ir::Graph graph_of(const Case& c) {
  ir::Graph net = zoo::build("resnet8", {.in_channels = 1, .classes = 10, .height = 14, .width = 14});
  zoo::initialize(net, 3);
  if (!c.quantized) return net;
  ir::Graph placed = quant::place(net, {});
  const auto set = [&](const auto& quantizers, float range) {
    for (ir::NodeId id : quantizers) {
      for (float& r : placed.value(placed.nodes[static_cast<size_t>(id)].inputs[1]).data.data<float>()) r = range;
    }
  };
  set(quant::activation_quantizers(placed), 3.0f), set(quant::weight_quantizers(placed), 0.2f);
  return placed;
}

// Images [begin, end) of a batch of 9 that changes from step to step: shares of 4 and 5.
data::Batch batch_of(int64_t step, int64_t begin, int64_t end) {
  data::Batch batch{.images = Tensor(DType::kU8, {end - begin, 14, 14, 1}), .labels = {}, .indices = {}};
  const auto pixels = batch.images.data<uint8_t>();
  for (int64_t i = begin; i < end; ++i) {
    Random random(7, static_cast<uint64_t>(step), static_cast<uint64_t>(i));
    for (int64_t k = 0; k < 196; ++k)
      pixels[static_cast<size_t>((i - begin) * 196 + k)] = static_cast<uint8_t>(random.below(256));
    batch.labels.push_back(random.below(10));
  }
  return batch;
}

double apart(std::span<const float> a, std::span<const float> b) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / std::max(size, 1e-6));
}

TEST(Ranks, TrainAsOneProcessDoes) {
  const std::unique_ptr<Group> group = two_ranks();
  if (group == nullptr) return;
  for (const Case& c : kCases) {
    Learner whole(graph_of(c), options_of(c)), part(graph_of(c), options_of(c), group.get());
    for (int64_t step = 0; step < 4; ++step) {
      const StepOutcome want = whole.step(batch_of(step, 0, 9), {.step = step, .lr = 0.05}).at(0);
      const data::Batch mine = group->rank() == 0 ? batch_of(step, 0, 4) : batch_of(step, 4, 9);
      const StepOutcome got = part.step(mine, {.step = step, .lr = 0.05, .all_images = 9}).at(0);
      expect_same(group.get(), part.hash(), c.name);
      EXPECT_EQ(got.images, 9);
      // Of shares the statistics differ; a quantizer's tie may fall the other way.
      if (c.sync_bn) {
        EXPECT_NEAR(got.loss, want.loss, (c.quantized ? 2e-2 : 2e-5) * want.loss) << c.name << " " << step;
      }
      if (c.sync_bn && step == 0) {
        EXPECT_EQ(got.correct, want.correct) << c.name;
      }
      EXPECT_TRUE(std::isfinite(got.loss));
    }
    if (!c.quantized) {
      for (size_t i = 0; i < whole.graph().values.size(); ++i) {
        const ir::Value &want = whole.graph().values[i], &got = part.graph().values[i];
        if (want.role == ir::Role::kActivation || want.type != DType::kF32) continue;
        EXPECT_LE(apart(got.data.data<float>(), want.data.data<float>()), 2e-4) << want.name;
      }
    }
  }
  group->leave();
}

TEST(Ranks, AgreeOnErrorsTextsAndFlags) {
  const std::unique_ptr<Group> group = two_ranks();
  if (group == nullptr) return;
  const bool second = group->rank() == 1;
  EXPECT_TRUE(any(group.get(), second));
  EXPECT_FALSE(any(group.get(), false));
  EXPECT_EQ(first_text(group.get(), second ? "here" : ""), "here");
  EXPECT_EQ(first_text(group.get(), ""), "");
  EXPECT_NO_THROW(agreed(group.get(), [] {}));
  EXPECT_NO_THROW(expect_same(group.get(), 5, "five"));
  const auto caught = [&](const std::function<void()>& body) {
    try {
      body();
    } catch (const AgreedError& error) {
      return cat(static_cast<int>(error.code()), " ", error.what());
    }
    return std::string("nothing");
  };
  const std::string read = caught([&] {
    agreed(group.get(), [&] {
      if (second) fail(Code::kBadFile, "[a.jpg] broken");
    });
  });
  EXPECT_EQ(read, second ? "3 " : "3 [rank 1] [a.jpg] broken");
  const std::string differs = caught([&] { expect_same(group.get(), second ? 1 : 2, "[x] it"); });
  EXPECT_EQ(differs, second ? "1 " : "1 [rank 1] [x] it differs from rank 0's");
  std::vector<uint8_t> bytes(second ? 3 : 0, 7);
  group->broadcast(bytes, 1);
  EXPECT_EQ(bytes, std::vector<uint8_t>(3, 7));
  group->leave();
}

TEST(Ranks, MergedHistogramsAreThoseOfAllValues) {
  const std::unique_ptr<Group> group = two_ranks();
  if (group == nullptr) return;
  Random random(5);
  std::vector<quant::Histogram> mine(3), all(3);
  for (int i = 0; i < 10000; ++i) {
    const float v = static_cast<float>(random.normal() * (i % 2 == 0 ? 1.0 : 37.0));
    all[0].add({&v, 1});
    if (i % 2 == group->rank()) mine[0].add({&v, 1});
  }
  const float broken[] = {NAN, 0.0f, -1.0f};
  all[1].add(broken);
  if (group->rank() == 1) mine[1].add(broken);
  const std::vector<quant::Histogram> got = merged(group.get(), mine);
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(got[i].total(), all[i].total());
    EXPECT_EQ(got[i].zeros(), all[i].zeros());
    EXPECT_EQ(got[i].not_finite(), all[i].not_finite());
    EXPECT_EQ(got[i].max(), all[i].max());
    EXPECT_EQ(got[i].negative(), all[i].negative());
    EXPECT_EQ(got[i].bin_width(), all[i].bin_width());
    EXPECT_TRUE(
        std::equal(got[i].counts().begin(), got[i].counts().end(), all[i].counts().begin(), all[i].counts().end()));
  }
  group->leave();
}

// 10 images, three of them broken: of batch 1, rank 0's share.
class Few final : public data::Dataset {
 public:
  int64_t size() const override { return 10; }
  int64_t channels() const override { return 1; }
  int64_t classes() const override { return 10; }
  std::string class_name(int64_t label) const override { return cat(label); }
  std::string name(int64_t index) const override { return cat("image ", index); }
  data::Image get(int64_t index) const override {
    if (index == 4 || index == 5 || index == 9) fail(Code::kBadFile, "[", name(index), "] broken");
    return {.pixels = Tensor(DType::kU8, {1, 1, 1}), .label = index};
  }
};

TEST(Ranks, TakeTurnsAndPassOverWhatOneLacks) {
  const std::unique_ptr<Group> group = two_ranks();
  if (group == nullptr) return;
  data::Loader loader(std::make_shared<Few>(), [](const Tensor& pixels, Random&) { return pixels; },
                      {.batch = 4, .skip_broken = true, .shard = shard_of(group.get(), Batches::kInParts)});
  Turns turns(loader, group.get());
  const bool second = group->rank() == 1;
  turns.start(0, 0);
  const auto first = turns.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->images, 4);
  EXPECT_EQ(first->batch.indices, second ? (std::vector<int64_t>{2, 3}) : (std::vector<int64_t>{0, 1}));
  EXPECT_FALSE(turns.next()) << "of the second batch rank 0 has none, of the third rank 1";
  turns.start(0, 0);
  EXPECT_TRUE(turns.next()) << "a new epoch begins at its first batch";
  group->leave();
}

}  // namespace
}  // namespace qat::train
