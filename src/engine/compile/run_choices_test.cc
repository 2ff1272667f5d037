// Choices by whole runs: every kernel that a step may take gives the same bits, and the cache alone decides.
#include "engine/compile/run_choices.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "engine/compile/join_adds.h"
#include "engine/compile/stretches.h"
#include "engine/compile/test_networks.h"
#include "engine/compile/trial.h"

namespace qat::engine {
namespace {

namespace fs = std::filesystem;

BuildRequest request_of(const ir::Graph& graph, const InputShape& shape) {
  return {.graph = graph, .profile = {shape, shape, shape}, .precision = "int8", .tactic_seconds = 0};
}

Draft draft_of(const BuildRequest& request) {
  PassContext context;
  TimingCache cache("");
  Draft draft = make_draft(run_passes(request.graph, {}, context), request, context);
  join_adds(draft);
  choose_kernels(draft, request, cache, context.report);
  return draft;
}

class Kernels : public testing::TestWithParam<std::string> {};

// All convolutions of a network at once take their first kernel, their second one, and so on.
TEST_P(Kernels, GiveTheSameBits) {
  const InputShape shape{2, 3, 61, 75};
  const Draft draft = draft_of(request_of(test::quantized_network(GetParam()), shape));
  const std::vector<Extents> extents = infer_extents(draft.plan, shape);
  const Tensor images = test::random_images({shape[0], shape[1], shape[2], shape[3]}, 3);
  const std::vector<float> expected = test::run_engine(packed(draft), images, 2);
  std::set<std::string> names;
  for (size_t turn = 0, most = 1; turn < most; ++turn) {
    Draft other = draft;
    for (Step& step : other.plan.steps) {
      const std::vector<Candidate> all = candidates(other.plan, step, extents);
      if (step.op != StepOp::kConv || all.empty()) continue;
      most = std::max(most, all.size());
      const Candidate& taken = all[turn % all.size()];
      names.insert(step.kernel = taken.name);
      other.plan.isa = std::max(other.plan.isa, taken.isa);
    }
    test::expect_equal(expected, test::run_engine(packed(other), images, 2), cat(GetParam(), " turn ", turn));
  }
  const auto winograd = [](const std::string& name) { return name.find("winograd") != std::string::npos; };
  if (isa() >= Isa::kAvx2 && GetParam().starts_with("resnet")) {
    EXPECT_TRUE(std::any_of(names.begin(), names.end(), winograd));
  }
}

INSTANTIATE_TEST_SUITE_P(All, Kernels, testing::Values("resnet8", "resnet18", "mobilenet_v2", "squeeze_excite"),
                         [](const auto& info) { return info.param; });

TEST(SumBits, AreInThePlan) {
  const Draft draft = draft_of(request_of(test::quantized_network("resnet8"), {1, 3, 32, 32}));
  for (const Step& step : draft.plan.steps) {
    if (step.op != StepOp::kConv) continue;
    EXPECT_GT(step.attrs.sum_bits, 8) << step.name;
    EXPECT_LE(step.attrs.sum_bits, 26) << step.name;
  }
}

class Alternatives : public testing::Test {
 protected:
  ~Alternatives() override { fs::remove(cache_); }

  BuildResult build_with(std::vector<std::string> disabled = {}) const {
    BuildRequest request = request_of(graph_, {1, 3, 64, 64});
    request.tactic_seconds = 1;
    request.timing_cache = cache_;
    request.disabled_passes = std::move(disabled);
    return build(std::move(request));
  }
  // The cache with other times for Winograd: of trials, of steps in runs and of whole runs.
  void rewrite(const std::string& trial, const std::string& step, const std::string& run) const {
    std::string text = "qat timing cache 3\n";
    for (const std::string& line : split(read_file(cache_), '\n')) {
      const size_t tab = line.find('\t');
      if (tab == std::string::npos) continue;
      const std::string key = line.substr(tab), time = line.substr(0, tab), own = key.substr(0, key.find(" beside "));
      const bool runs = key.find("|batch ") != std::string::npos, winograd = key.find("winograd") != std::string::npos;
      const bool taken = key.find(" with ") != std::string::npos || own.find("|run +") != std::string::npos;
      const std::string& other = winograd && !runs ? trial : winograd && taken ? step : runs && taken ? run : time;
      text += (other.empty() ? time : other) + key + '\n';
    }
    write_file(cache_, text);
  }
  static int64_t winograd_steps(const Plan& plan) {
    return std::count_if(plan.steps.begin(), plan.steps.end(),
                         [](const Step& s) { return s.kernel.find("winograd") != std::string::npos; });
  }

  const ir::Graph graph_ = test::quantized_network("resnet8");
  const fs::path cache_ = fs::path(testing::TempDir()) / cat("qat_alternatives_", getpid());
};

TEST_F(Alternatives, AreDecidedByTheCache) {
  if (isa() < Isa::kAvx2) GTEST_SKIP() << "no Winograd kernel here";
  build_with();
  BuildResult fast;
  for (int i = 0; i < 4; ++i) {  // each build measures what the times before it lead to
    rewrite("0.001", "0.001", "0.001");
    fast = build_with();
  }
  EXPECT_GE(winograd_steps(fast.plan), 3);
  rewrite("0.001", "1e6", "1e6");
  const BuildResult slow = build_with();
  EXPECT_EQ(winograd_steps(slow.plan), 0);
  const Tensor images = test::random_images({1, 3, 64, 64}, 4);
  test::expect_equal(test::run_engine(slow.plan, images, 1), test::run_engine(fast.plan, images, 1), "engines");
}

// After the first of two outputs two tensors are alive to the end: no stretch closes, all the same each step lies in
// one.
TEST_F(Alternatives, OfNetworksWithSeveralOutputs) {
  ir::Graph graph = graph_;
  for (const ir::Node& node : graph_.nodes) {
    if (node.op != ir::Op::kRelu) continue;
    graph.outputs.insert(graph.outputs.begin(), node.output);  // of the stem, far before the last layers
    break;
  }
  ASSERT_EQ(graph.outputs.size(), 2u);
  BuildRequest request = request_of(graph, {1, 3, 64, 64});
  request.tactic_seconds = 1, request.timing_cache = cache_;
  build(request);
  rewrite("0.001", "0.001", "0.001");
  const Plan plan = build(request).plan;
  const std::vector<Stretch> all = stretches(plan);
  EXPECT_EQ(all.back().last, plan.steps.size());
}

// What a build without a pass leaves in the cache is not all that the next one asks for.
TEST_F(Alternatives, ACacheOfFewerWaysIsCompleted) {
  const auto schedule_keys = [&] {
    const std::string text = read_file(cache_);
    return text.find(" images 1\n") != std::string::npos;
  };
  BuildRequest request = request_of(graph_, {4, 3, 64, 64});
  request.tactic_seconds = 1, request.timing_cache = cache_;
  request.disabled_passes = {std::string(kDepthFirst)};
  build(request);
  EXPECT_FALSE(schedule_keys());
  request.disabled_passes.clear();
  build(request);
  EXPECT_TRUE(schedule_keys());
}

// A stretch that gains in tiles because its input is in cache then takes the one that makes it along.
TEST_F(Alternatives, AGroupBeginsWhereItsInputIsMade) {
  BuildRequest request = request_of(graph_, {4, 3, 64, 64});
  request.tactic_seconds = 1, request.timing_cache = cache_;
  request.disabled_passes = {std::string(kWinograd)};
  Plan plan = build(request).plan;
  const auto time_of = [](const std::string& key) -> std::string {
    if (key.find("|run ") != std::string::npos) return "0.001";  // in groups; the plain run's key has no blank there
    if (key.find("|stretch ") == std::string::npos) return "";
    if (key.ends_with(" images 0")) return "100";
    if (!key.ends_with(" images 1")) return "1e6";
    return key.find("|stretch 1 ") != std::string::npos   ? "101"
           : key.find("|stretch 2 ") != std::string::npos ? "10"
                                                          : "200";
  };
  for (int i = 0; i < 3; ++i) {  // each build measures what the times before it lead to
    std::string text = "qat timing cache 3\n";
    for (const std::string& line : split(read_file(cache_), '\n')) {
      const size_t tab = line.find('\t');
      if (tab == std::string::npos) continue;
      const std::string time = time_of(line.substr(tab, line.find(" beside ") - tab));
      text += (time.empty() ? line.substr(0, tab) : time) + line.substr(tab) + '\n';
    }
    write_file(cache_, text);
    plan = build(request).plan;
  }
  const std::vector<Stretch> all = stretches(plan);
  ASSERT_EQ(plan.schedule.size(), 1u);
  EXPECT_EQ(plan.schedule[0].first, static_cast<int32_t>(all[1].first));
  EXPECT_EQ(plan.schedule[0].last, static_cast<int32_t>(all[2].last));
}

TEST_F(Alternatives, MayBeLeftOut) {
  const BuildResult built = build_with({std::string(kWinograd)});
  EXPECT_EQ(winograd_steps(built.plan), 0);
  for (const PassReport& pass : built.report.passes) EXPECT_EQ(pass.disabled, pass.name == kWinograd) << pass.name;
}

}  // namespace
}  // namespace qat::engine
