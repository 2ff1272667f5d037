// Schedules against their closed forms at hand-picked steps.
#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace qat::train {
namespace {

config::TrainOptions options(const std::string& schedule) {
  config::TrainOptions o;
  o.schedule = schedule;
  o.epochs = 10;
  o.lr = 0.4;
  return o;
}

TEST(Schedule, CosineGoesFromLrToItsShare) {
  auto o = options("cosine");
  o.final_lr = 0.01;
  const Schedule s(o, 100);
  EXPECT_DOUBLE_EQ(s.lr(0), 0.4);
  EXPECT_NEAR(s.lr(500), 0.4 * (0.01 + 0.99 / 2), 1e-12);
  EXPECT_NEAR(s.lr(250), 0.4 * (0.01 + 0.99 * (1 + std::sqrt(0.5)) / 2), 1e-12);
  EXPECT_NEAR(s.lr(1000), 0.004, 1e-12);
}

TEST(Schedule, WarmupIsLinearAndThenCosineStarts) {
  auto o = options("cosine");
  o.warmup = 0.5;
  const Schedule s(o, 100);
  EXPECT_NEAR(s.lr(0), 0.4 / 50, 1e-12);
  EXPECT_NEAR(s.lr(24), 0.2, 1e-12);
  EXPECT_NEAR(s.lr(49), 0.4, 1e-12);
  EXPECT_NEAR(s.lr(50), 0.4, 1e-12);
  EXPECT_NEAR(s.lr(525), 0.2, 1e-12);
}

TEST(Schedule, StepMultipliesAtEachEpochOfTheList) {
  auto o = options("step");
  o.steps = {3, 6};
  o.gamma = 0.1;
  const Schedule s(o, 7);
  EXPECT_DOUBLE_EQ(s.lr(20), 0.4);
  EXPECT_NEAR(s.lr(21), 0.04, 1e-12);
  EXPECT_NEAR(s.lr(41), 0.04, 1e-12);
  EXPECT_NEAR(s.lr(42), 0.004, 1e-12);
}

// torch.optim.lr_scheduler.OneCycleLR(max_lr=0.4, total_steps=1000, pct_start=0.3, final_div_factor=1e9):
// lr at 0, 150, 299, 650, 999.
TEST(Schedule, OneCycleIsTorchs) {
  const Schedule s(options("one_cycle"), 100);
  EXPECT_NEAR(s.lr(0), 0.016, 1e-12);
  EXPECT_NEAR(s.lr(299), 0.4, 1e-12);
  EXPECT_NEAR(s.lr(150), 0.4 + (0.016 - 0.4) * (1 + std::cos(M_PI * 150 / 299)) / 2, 1e-12);
  EXPECT_NEAR(s.lr(649), 0.2, 1e-12);
  EXPECT_NEAR(s.lr(999), 0.0, 1e-12);
}

TEST(Schedule, ConstantAndErrors) {
  EXPECT_DOUBLE_EQ(Schedule(options("constant"), 3).lr(29), 0.4);
  EXPECT_THROW(Schedule(options("linear"), 3), Error);
  auto o = options("cosine");
  o.warmup = 10;
  EXPECT_THROW(Schedule(o, 3), Error);
}

}  // namespace
}  // namespace qat::train
