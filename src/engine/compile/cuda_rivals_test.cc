// Rivals tried in the whole network: what is kept, what is reported, and when nothing is tried. No GPU needed: times
// are made up.
#include "engine/compile/cuda_rivals.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "engine/compile/test_networks.h"

namespace qat::engine {
namespace {

namespace fs = std::filesystem;

// Three problems of a small network: one of two steps, one of three kernels, one without a choice.
class WholeNetwork : public testing::Test {
 protected:
  WholeNetwork() {
    request_.tactic_seconds = 60;
    const Plan plan = test::build_int8(test::quantized_network("resnet8"), {1, 3, 32, 32}, {1, 3, 32, 32});
    draft_.plan = plan;
    draft_.blobs.assign(reinterpret_cast<const char*>(plan.blobs.data()), plan.blobs.size());
    std::vector<size_t> convs;
    for (size_t i = 0; i < plan.steps.size(); ++i) {
      report_.layers.push_back({.layer = plan.steps[i].name, .kernel = plan.steps[i].kernel});
      if (plan.steps[i].op == StepOp::kConv) convs.push_back(i);
    }
    rivals_ = {{.steps = {convs.at(0)}, .kernels = {{"light 1", 0.01}, {"light 2", 0.011}, {"light 3", 0.012}}},
               {.steps = {convs.at(1), convs.at(2)}, .kernels = {{"heavy 1", 0.02}, {"heavy 2", 0.021}}},
               {.steps = {convs.at(3)}, .kernels = {{"only", 0.5}}}};
    for (const Rivals& r : rivals_) {
      for (const size_t step : r.steps) {
        draft_.plan.steps[step].kernel = report_.layers[step].kernel = r.kernels.front().kernel;
        report_.layers[step].milliseconds = r.kernels.front().milliseconds;
      }
    }
  }

  void settle(TimingCache& cache, std::function<double(const Plan&)> milliseconds) {
    const auto counted = [&, milliseconds = std::move(milliseconds)](const Plan& plan) {
      runs_.push_back(kernels(plan));
      return milliseconds(plan);
    };
    settle_rivals(draft_, {.request = request_, .gpu = "GPU", .rivals = rivals_, .milliseconds = counted}, cache,
                  report_);
    for (size_t i = 0; i < draft_.plan.steps.size(); ++i)
      EXPECT_EQ(report_.layers[i].kernel, draft_.plan.steps[i].kernel) << report_.layers[i].layer;
    ASSERT_EQ(report_.passes.size(), 1);
    EXPECT_EQ(report_.passes[0].name, kWholeNetwork);
  }
  void settle(std::function<double(const Plan&)> milliseconds) {
    TimingCache cache("");
    settle(cache, std::move(milliseconds));
  }

  // Of the problems' steps.
  std::vector<std::string> kernels(const Plan& plan) const {
    std::vector<std::string> names;
    for (const Rivals& r : rivals_)
      for (const size_t step : r.steps) names.push_back(plan.steps[step].kernel);
    return names;
  }
  std::vector<std::string> chosen() const { return kernels(draft_.plan); }

  const std::vector<std::string> first_{"light 1", "heavy 1", "heavy 1", "only"};
  BuildRequest request_;
  Draft draft_;
  BuildReport report_;
  std::vector<Rivals> rivals_;
  std::vector<std::vector<std::string>> runs_;
};

// Any time for any plan, of many digits.
double made_up(const std::vector<std::string>& kernels, int seed) {
  const std::string text = cat(join(kernels, ","), seed);
  return 0.2 + 1e-3 * static_cast<double>(std::hash<std::string>{}(text) % 1000003) / 1e6;
}

TEST_F(WholeNetwork, KeepsWhatMakesItFaster) {
  settle([&](const Plan& plan) {
    double sum = 0;
    for (const std::string& name : kernels(plan)) {
      // "light 3" is faster than "light 2" by less than what is measured is worth.
      sum += name == "heavy 2" ? 0.1 : name == "light 2" ? 0.15 : name == "light 3" ? 0.1499 : 0.2;
    }
    return sum;
  });
  EXPECT_EQ(chosen(), (std::vector<std::string>{"light 2", "heavy 2", "heavy 2", "only"}));
  const std::vector<std::vector<std::string>> expected{first_,  // the heaviest problem is the first one tried
                                                       {"light 1", "heavy 2", "heavy 2", "only"},
                                                       {"light 2", "heavy 2", "heavy 2", "only"},
                                                       {"light 3", "heavy 2", "heavy 2", "only"}};
  EXPECT_EQ(runs_, expected);
  EXPECT_EQ(report_.layers[rivals_[0].steps[0]].milliseconds, 0.011) << "the kernel's own trial";
  EXPECT_EQ(report_.layers[rivals_[1].steps[1]].milliseconds, 0.021);
  ASSERT_EQ(report_.notes.size(), 1);
  EXPECT_EQ(report_.notes[0], "kernels of close times tried in the whole network: 0.8 ms became 0.55");
  EXPECT_FALSE(report_.passes[0].disabled);
}

TEST_F(WholeNetwork, TheFirstStayWhereNoneIsFaster) {
  settle([&](const Plan& plan) { return kernels(plan) == first_ ? 1 : 0.9981; });
  EXPECT_EQ(chosen(), first_);
  EXPECT_EQ(runs_.size(), 4);
  EXPECT_EQ(report_.layers[rivals_[0].steps[0]].milliseconds, 0.01);
}

TEST_F(WholeNetwork, NothingRunsWithoutAReason) {
  const auto fail_if_run = [](const Plan&) { return ADD_FAILURE() << "timed", 1.0; };
  const auto expect_nothing = [&](bool disabled) {
    settle(fail_if_run);
    EXPECT_EQ(chosen(), first_);
    EXPECT_TRUE(report_.notes.empty());
    EXPECT_EQ(report_.passes[0].disabled, disabled);
    report_.passes.clear();
  };
  request_.disabled_passes = {std::string(kWholeNetwork)};
  expect_nothing(true);
  request_.disabled_passes = {};
  for (const double seconds : {0.0, 1e-9}) {
    request_.tactic_seconds = seconds;
    expect_nothing(false);
  }
  request_.tactic_seconds = 60;
  for (Rivals& r : rivals_) r.kernels.resize(1);
  expect_nothing(false);
}

// By the numbers that the file keeps, to the last digit, without a run.
TEST_F(WholeNetwork, TheSameCacheGivesTheSamePlan) {
  const fs::path file = fs::path(testing::TempDir()) / cat("qat_rivals_", getpid());
  const Draft draft = draft_;
  const BuildReport report = report_;
  for (int seed = 0; seed < 100; ++seed) {
    fs::remove(file);
    TimingCache cache(file);
    draft_ = draft, report_ = report;
    settle(cache, [&](const Plan& plan) { return made_up(kernels(plan), seed); });
    ASSERT_EQ(cache.save(), "");
    const std::vector<std::string> first = chosen(), notes = report_.notes;
    draft_ = draft, report_ = report;
    TimingCache again(file);
    settle(again, [](const Plan&) { return ADD_FAILURE() << "timed", 1.0; });
    EXPECT_EQ(chosen(), first) << seed;
    EXPECT_EQ(report_.notes, notes) << seed;
  }
  fs::remove(file);
}

// A build that is finished does not fail for want of memory to time it, at the first run or a later one.
TEST_F(WholeNetwork, OutOfMemoryKeepsTheFirst) {
  for (const size_t last : {1, 2, 3}) {
    runs_.clear(), report_.notes.clear(), report_.passes.clear();
    settle([&](const Plan&) {
      if (runs_.size() == last) fail(Code::kOutOfMemory, "the engine needs 200 GiB of GPU memory");
      return 1.0 / static_cast<double>(runs_.size());
    });
    EXPECT_EQ(chosen(), first_);
    EXPECT_EQ(runs_.size(), last);
    ASSERT_EQ(report_.notes.size(), 1);
    for (const char* part : {"200 GiB", "--disable-pass=whole_network"})
      EXPECT_NE(report_.notes[0].find(part), std::string::npos) << report_.notes[0];
  }
}

TEST_F(WholeNetwork, OtherErrorsAndInterruptsPass) {
  const auto text_of = [&](const std::function<double(const Plan&)>& milliseconds) {
    TimingCache cache("");
    try {
      settle_rivals(draft_, {.request = request_, .gpu = "GPU", .rivals = rivals_, .milliseconds = milliseconds}, cache,
                    report_);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(text_of([](const Plan&) -> double { fail(Code::kFailure, "launch failed"); }), "launch failed");
  request_.callbacks.interrupted = [&] { return true; };
  EXPECT_EQ(text_of([](const Plan&) { return 1.0; }), "build interrupted");
}

}  // namespace
}  // namespace qat::engine
