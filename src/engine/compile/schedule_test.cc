// Depth-first schedules: the same bits as without one, in less memory, and a choice that the cache repeats.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/compile/run_choices.h"
#include "engine/compile/test_networks.h"
#include "engine/runtime/session.h"

namespace qat::engine {
namespace {

// All steps that may run in tiles, a group for each run of them.
std::vector<StepGroup> everywhere(const Plan& plan, int32_t images) {
  std::vector<StepGroup> groups;
  bool open = false;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const auto step = static_cast<int32_t>(i);
    if (!runs_in_tiles(plan.steps[i].op)) {
      open = false;
    } else if (open) {
      groups.back().last = step + 1;
    } else {
      groups.push_back({.first = step, .last = step + 1, .images = images});
      open = true;
    }
  }
  return groups;
}

// Groups of `steps` steps, so that tensors pass between tiles and the whole batch everywhere.
std::vector<StepGroup> chopped(const Plan& plan, int32_t steps, int32_t images) {
  std::vector<StepGroup> groups;
  for (const StepGroup& group : everywhere(plan, images)) {
    for (int32_t first = group.first; first < group.last; first += 2 * steps)
      groups.push_back({.first = first, .last = std::min(first + steps, group.last), .images = images});
  }
  return groups;
}

Plan scheduled(const Plan& plan, std::vector<StepGroup> groups) {
  Plan copy = plan;
  copy.schedule = std::move(groups);
  validate(copy);
  return copy;
}

class Schedules : public testing::TestWithParam<std::string> {};

TEST_P(Schedules, GiveTheSameBits) {
  const int64_t size = test::fixed_size(GetParam()) ? 28 : 40;
  const ir::Graph graph = test::quantized_network(GetParam());
  const int64_t channels = graph.value(graph.inputs[0]).dims[1];
  const Plan plan = test::build_int8(graph, {1, channels, size, size}, {8, channels, size, size});
  const Plan plain = scheduled(plan, {});
  for (const int64_t batch : {1, 3, 8}) {
    const Tensor images = test::random_images({batch, channels, size, size}, 5);
    const std::vector<float> expected = test::run_engine(plain, images, 1);
    for (const int32_t tile : {1, 2, 3}) {
      for (const auto& groups : {everywhere(plan, tile), chopped(plan, 3, tile), chopped(plan, 1, tile)}) {
        for (const int threads : {1, 2, 3}) {
          test::expect_equal(expected, test::run_engine(scheduled(plan, groups), images, threads),
                             cat(GetParam(), " batch ", batch, " tile ", tile, " threads ", threads));
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Schedules, testing::Values("resnet18", "mobilenet_v2", "squeeze_excite"),
                         [](const auto& info) { return info.param; });

TEST(Schedule, TensorsOfATileTakeItsMemoryOnly) {
  const Plan plan = test::build_int8(test::quantized_network("mobilenet_v2"), {1, 3, 64, 64}, {8, 3, 64, 64});
  const auto arena = [](const Plan& p) {
    Session session(std::make_shared<const Plan>(p), {.threads = 1});
    session.bind({8, 3, 64, 64});
    return session.arena_bytes();
  };
  EXPECT_LT(arena(scheduled(plan, everywhere(plan, 1))), arena(scheduled(plan, {})) / 2);
}

// Every tensor is there after a run that keeps them, tiles or not.
TEST(Schedule, KeptTensorsAreWhole) {
  const Plan plan = test::build_int8(test::quantized_network("resnet8"), {1, 3, 32, 32}, {5, 3, 32, 32});
  const Tensor images = test::random_images({5, 3, 32, 32}, 6);
  std::vector<std::vector<float>> tensors[2];
  for (const size_t tiled : {0, 1}) {
    const auto run =
        std::make_shared<const Plan>(scheduled(plan, tiled == 1 ? everywhere(plan, 2) : std::vector<StepGroup>{}));
    Session session(run, {.threads = 2, .keep_tensors = true});
    session.bind({5, 3, 32, 32});
    std::vector<float> logits(static_cast<size_t>(count(session.output_shape(0))));
    session.run(images.raw(), {logits.data()});
    std::vector<int64_t> shape;
    for (size_t id = 0; id < plan.tensors.size(); ++id)
      tensors[tiled].push_back(session.tensor(static_cast<int32_t>(id), &shape));
  }
  EXPECT_EQ(tensors[0], tensors[1]);
}

// Whole runs take fewer images than a fixed batch has, and leave its bounds as they are.
TEST(Schedule, OfAFixedBatch) {
  const InputShape shape{9, 3, 32, 32};
  BuildRequest request{.graph = test::quantized_network("resnet8"), .profile = {shape, shape, shape}};
  request.precision = "int8";
  request.threads = 2;
  request.tactic_seconds = 0.05;
  const BuildResult result = build(std::move(request));
  EXPECT_EQ(result.plan.profile.min, shape);
  EXPECT_EQ(result.plan.profile.max, shape);
  const Tensor images = test::random_images({9, 3, 32, 32}, 5);
  BuildRequest plain{.graph = test::quantized_network("resnet8"), .profile = {shape, shape, shape}};
  plain.precision = "int8";
  plain.tactic_seconds = 0;
  test::expect_equal(test::run_engine(build(std::move(plain)).plan, images, 2),
                     test::run_engine(result.plan, images, 2), "a fixed batch of 9");
}

TEST(Schedule, IsMeasuredUnlessDisabled) {
  const auto build_with = [](std::vector<std::string> disabled) {
    BuildRequest request{.graph = test::quantized_network("resnet8"),
                         .profile = {{1, 3, 32, 32}, {8, 3, 32, 32}, {8, 3, 32, 32}}};
    request.precision = "int8";
    request.tactic_seconds = 0.05;
    request.disabled_passes = std::move(disabled);
    return build(std::move(request));
  };
  const BuildResult measured = build_with({}), disabled = build_with({std::string(kDepthFirst)});
  EXPECT_EQ(measured.report.passes.back().name, kDepthFirst);
  EXPECT_FALSE(measured.report.passes.back().disabled);
  EXPECT_TRUE(disabled.report.passes.back().disabled);
  EXPECT_TRUE(disabled.plan.schedule.empty());
}

}  // namespace
}  // namespace qat::engine
