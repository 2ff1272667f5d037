// The program on two ranks, each with its share of a batch, against one with all of it; and when gradients are sent.
#include "base/hash.h"
#include "train/cuda/program/c10d_exchange.h"
#include "train/cuda/program/program_testing.h"
#include "train/distributed/agree.h"
#include "train/distributed/c10d/group_impl.h"
#include "train/distributed/ranks_testing.h"

namespace qat::train::cuda {
namespace {

struct RanksCase {
  Case net;
  bool sync_bn;
};

const RanksCase kCases[] = {{{"float", "resnet8", 1, 14, false, "fixed", "fixed", false}, true},
                            {{"frozen statistics", "resnet8", 3, 13, false, "fixed", "fixed", true}, false},
                            {{"moving ranges", "resnet8", 3, 14, true, "moving", "step", false}, true},
                            {{"learned ranges", "resnet8", 1, 13, true, "learned", "learned", false}, true},
                            {{"statistics of each share", "resnet8", 1, 14, false, "fixed", "fixed", false}, false}};

data::Batch part_of(const data::Batch& batch, int64_t begin, int64_t end) {
  Shape shape = batch.images.shape();
  const int64_t image = batch.images.size() / shape[0];
  shape[0] = end - begin;
  data::Batch part{.images = Tensor(DType::kU8, shape), .labels = {}, .indices = {}};
  const auto from = batch.images.data<uint8_t>();
  std::copy(from.begin() + begin * image, from.begin() + end * image, part.images.data<uint8_t>().begin());
  part.labels.assign(batch.labels.begin() + begin, batch.labels.begin() + end);
  return part;
}

uint64_t hash_of(const ir::Graph& graph) {
  uint64_t sum = 0;
  for (const ir::Value& value : graph.values) {
    if (value.role == ir::Role::kActivation) continue;
    const uint64_t pair[] = {sum, hash64(value.data.raw(), value.data.bytes())};
    sum = hash64(pair, sizeof pair);
  }
  return sum;
}

TEST(ProgramRanks, StepsEqualThoseOfOneProcess) {
  const std::unique_ptr<Group> group = two_ranks();
  if (group == nullptr) return;
  for (const RanksCase& c : kCases) {
    config::Options options = options_of(c.net);
    options.train.sync_bn = c.sync_bn;
    C10dExchange exchange(group->impl().gloo);
    HostRun whole(c.net, Type::kF32, options), part(c.net, Type::kF32, options, &exchange);
    const data::Batch batch = batch_of(c.net);
    const data::Batch mine = group->rank() == 0 ? part_of(batch, 0, 3) : part_of(batch, 3, 8);
    for (int64_t step = 0; step < 3; ++step) {
      const StepOutputs want = whole.step(batch, c.net.freeze_bn, step);
      const StepOutputs got = part.step(mine, c.net.freeze_bn, step, 8);
      const bool same = c.sync_bn || c.net.freeze_bn;
      EXPECT_EQ(got.status, 0) << c.net.name;
      if (same) {
        EXPECT_NEAR(got.loss, want.loss, (c.net.quantized ? 2e-2 : 1e-4) * want.loss) << c.net.name << step;
      }
      if (same && step == 0) {
        EXPECT_EQ(got.correct, want.correct) << c.net.name;
      }
      expect_same(group.get(), hash_of(part.stored()), c.net.name);
      if (!same || c.net.quantized || step > 0) continue;
      whole.stored();
      for (size_t i = 0; i < whole.module().graph().values.size(); ++i) {
        const ir::Value &w = whole.module().graph().values[i], &g = part.module().graph().values[i];
        if (w.role == ir::Role::kActivation || w.type != DType::kF32) continue;
        EXPECT_LE(apart(g.data.data<float>(), w.data.data<float>()), 5e-4) << c.net.name << ": " << w.name;
      }
    }
  }
  group->leave();
}

TEST(ProgramRanks, AllStopWhereOneIsNotFinite) {
  const std::unique_ptr<Group> group = two_ranks();
  if (group == nullptr) return;
  const Case c = kCases[2].net;
  C10dExchange exchange(group->impl().gloo);
  HostRun run(c, Type::kF32, options_of(c), &exchange);
  run.step(batch_of(c), false, 0, 16);
  if (group->rank() == 1) {
    ir::Graph broken = ir::clone(run.module().graph());
    broken.value(broken.find_value("bn1.weight")).data.data<float>()[0] = NAN;
    run.program().leaves().load(broken, {}, {});
  }
  const StepOutputs outputs = run.step(batch_of(c), false, 1, 16);
  ASSERT_NE(outputs.status, 0);
  expect_same(group.get(), static_cast<uint64_t>(outputs.status), "the place");
  if (group->rank() == 0) {
    const ir::Value& weight = run.stored().value(run.module().graph().find_value("conv1.weight"));
    for (const float v : weight.data.data<float>()) EXPECT_TRUE(std::isfinite(v));
  }
  group->leave();
}

TEST(ProgramRanks, EachBackendHasAStoreOfItsOwn) {
  const std::unique_ptr<Group> group = two_ranks();
  if (group == nullptr) return;
  const auto first = group->impl().store_for("nccl"), second = group->impl().store_for("nccl");
  const std::string key = cat("id of ", group->rank());
  first->set(key, std::string("1"));
  EXPECT_TRUE(first->check({key}));
  EXPECT_FALSE(second->check({key}));
  group->leave();
}

// Leaves and copies each go once, none before its last reader's backward pass.
TEST(Buckets, CoverEverythingInTheOrderOfTheBackwardPass) {
  ir::Graph net = zoo::build("resnet50", {.in_channels = 3, .classes = 1000, .height = 64, .width = 64});
  GraphModule module(std::move(net), {});
  const Leaves leaves(module.graph(), module.parameters(), {}, at::kCPU);
  std::vector<size_t> leaf_steps, copy_steps;
  for (size_t i = 0; i < leaves.all().size(); ++i) leaf_steps.push_back(i / 2 + 1);  // after a constant
  for (size_t i = 0; i < 54; ++i) copy_steps.push_back(2 * i);
  const std::vector<Bucket> buckets = make_buckets(leaves, leaf_steps, copy_steps);
  ASSERT_GE(buckets.size(), 4u) << "102 MB";
  ASSERT_LE(buckets.size(), 6u);
  int64_t end = leaves.trained_size();
  size_t copies = copy_steps.size(), step = SIZE_MAX;
  for (const Bucket& bucket : buckets) {
    EXPECT_EQ(bucket.offset + bucket.size, end);
    EXPECT_EQ(bucket.end_copy, copies);
    EXPECT_LE(bucket.step, step);
    for (size_t i = 0; i < leaves.all().size(); ++i) {
      const Leaves::Leaf& leaf = leaves.all()[i];
      if (leaf.trained && leaf.offset >= bucket.offset && leaf.offset < end) {
        EXPECT_GE(leaf_steps[i], bucket.step);
      }
    }
    end = bucket.offset, copies = bucket.first_copy, step = bucket.step;
  }
  EXPECT_EQ(end, 0);
  EXPECT_EQ(copies, 0u);
}

}  // namespace
}  // namespace qat::train::cuda
