// The loop on a small data set: learning, exact resumption, interruption, NaN, calibration and finetuning.
#include "train/trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "quant/placement.h"
#include "train/calibration.h"
#include "train/messages.h"
#include "train/trainer_testing.h"
#include "zoo/zoo.h"

namespace qat::train {
namespace {

namespace fs = std::filesystem;
using qat::testing::TempFolder;

TEST(Trainer, LearnsCalibratesAndFinetunes) {
  const TempFolder folder;
  config::Options o = options_in(folder);
  o.train.epochs = 8;
  const TrainResult trained = run_training(o, false, {});
  EXPECT_GE(trained.best_top1, 80.0);
  for (const char* name : {"checkpoint_normal.pth", "checkpoint_normal_train_best.pth",
                           "checkpoint_normal_train_last.pth", "normal_train_metrics.csv"}) {
    EXPECT_TRUE(fs::exists(folder / "outputs" / name)) << name;
  }
  std::vector<ChosenRange> chosen;
  const fs::path calibrated = run_calibration(o, {.range = [&](const ChosenRange& range) { chosen.push_back(range); }});
  const ir::Graph graph = io::load_checkpoint(calibrated).graph;
  EXPECT_TRUE(quant::is_quantized(graph));
  EXPECT_EQ(graph.metadata.at("stage"), "calibrate");
  EXPECT_EQ(graph.metadata.at("input"), "1,10,10");
  EXPECT_GE(chosen.size(), 10u);  // nine layers' inputs at least
  for (const ChosenRange& range : chosen) EXPECT_GT(range.amax, 0) << range.layer;

  for (const char* ranges : {"fixed", "moving", "learned"}) {
    o.train.checkpoint = calibrated.string(), o.train.ranges = ranges;
    o.train.epochs = 2, o.train.lr = 0.001, o.train.freeze_bn = 1;
    const TrainResult tuned = run_training(o, false, {});
    EXPECT_GE(tuned.best_top1, trained.best_top1 - 10) << ranges;
    EXPECT_EQ(tuned.best.filename(), "checkpoint_quant_train_best.pth");
  }
}

struct ResumeCase {
  const char* name;
  bool quantized;
  int64_t save_every;
};

TEST(Trainer, ResumedRunsEndInTheSameBits) {
  for (const ResumeCase& c : {ResumeCase{"float", false, 0}, ResumeCase{"quantized", true, 3}}) {
    const TempFolder folder;
    config::Options o = options_in(folder);
    o.train.ema = 0.9;
    if (c.quantized) {
      run_training(o, false, {});
      o.train.checkpoint = run_calibration(o, {}).string();
      o.train.ranges = "moving", o.train.lr = 0.01;
    }
    o.train.save_every = c.save_every;
    const TrainResult whole = run_training(o, false, {});
    const std::string best = weights(whole.best), last = weights(whole.last);

    int steps = 14;  // in the second epoch of ten steps
    const TrainResult first = run_training(o, false, stop_after(&steps));
    EXPECT_TRUE(first.interrupted);
    EXPECT_NE(weights(first.last), last);
    const TrainResult second = run_training(o, true, {});
    EXPECT_FALSE(second.interrupted);
    EXPECT_EQ(weights(second.last), last) << c.name;
    EXPECT_EQ(weights(second.best), best) << c.name;
    EXPECT_EQ(second.best_top1, whole.best_top1);

    o.data.workers = 0;
    EXPECT_EQ(weights(run_training(o, false, {}).last), last) << c.name << ": loader threads changed the result";
  }
}

TEST(Trainer, ResumeNeedsTheSameRun) {
  const TempFolder folder;
  config::Options o = options_in(folder);
  o.train.max_steps = 2;
  EXPECT_THROW(run_training(o, true, {}), Error) << "there is nothing to resume";
  run_training(o, false, {});
  o.train.batch = 8;
  EXPECT_THROW(run_training(o, true, {}), Error);
}

TEST(Trainer, ASecondRunKeepsTheFirst) {
  const TempFolder folder;
  config::Options o = options_in(folder);
  o.train.epochs = 1;
  const TrainResult first = run_training(o, false, {});
  const std::string best = weights(first.best), csv = read_file(folder / "outputs/normal_train_metrics.csv");
  o.train.seed = 7;
  std::string told;
  run_training(o, false, {.info = [&](const std::string& line) { told += line + "\n"; }});
  const fs::path kept = folder / "outputs/earlier/1";
  EXPECT_NE(told.find(kept.string()), std::string::npos) << told;
  EXPECT_EQ(weights(kept / first.best.filename()), best);
  EXPECT_EQ(read_file(kept / "normal_train_metrics.csv"), csv);
  EXPECT_NE(weights(first.best), best);
  run_training(o, false, {});
  EXPECT_TRUE(fs::exists(folder / "outputs/earlier/2" / first.last.filename()));
}

// What a run writes only after an epoch is asked for before the first step.
TEST(Trainer, OutputsThatCannotBeWrittenAreRefusedBeforeTheWork) {
  for (const char* name :
       {"checkpoint_normal_train_best.pth", "normal_train_metrics.csv", "checkpoint_quant_calibrate.pth"}) {
    const TempFolder folder;
    const config::Options o = options_in(folder);
    const bool calibrates = std::string(name).find("calibrate") != std::string::npos;
    if (calibrates) run_training(o, false, {});
    fs::create_directories(folder / "outputs" / name);
    int64_t steps = 0;
    const Report report{.progress = [&](const std::string&, int64_t, int64_t, const std::string&) { ++steps; }};
    try {
      calibrates ? static_cast<void>(run_calibration(o, report)) : static_cast<void>(run_training(o, false, report));
      ADD_FAILURE() << name << " was written over a folder";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kIo);
      EXPECT_NE(std::string(error.what()).find(cat(name, " is a folder")), std::string::npos) << error.what();
    }
    EXPECT_EQ(steps, 0) << name;
  }
}

TEST(Trainer, ChannelsOfAFileAreNoOptionOfOurs) {
  const TempFolder folder;
  config::Options o = options_in(folder);
  const auto error_of = [&o] {
    try {
      run_training(o, false, {});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  o.model.in_channels = 3;
  EXPECT_EQ(error_of(), "[MODEL.IN_CHANNELS] expected 1 as the images have, got 3");
  const fs::path file = folder / "colours.pth";
  ir::Graph graph = zoo::build("resnet8", {.in_channels = 3, .classes = 4});
  zoo::initialize(graph, 1);
  io::save_checkpoint(file, {.graph = std::move(graph), .training = {}});
  o.train.checkpoint = file.string();
  EXPECT_EQ(
      error_of().find(cat("[", file.string(), "] takes images of 3 channels, the data's have 1; give other data")), 0u)
      << error_of();
}

TEST(Messages, WhereARunGoesOnAndWhatAnEpochLeavesOut) {
  EXPECT_EQ(continuing_text({.epoch = 1, .next_batch = 3, .step = 13}, 4, 10),
            "continuing in epoch 2 of 4 with step 4 of 10 (steps done in all epochs: 13)");
  EXPECT_NE(
      continuing_text({.epoch = 0, .next_batch = 10, .step = 10}, 4, 10).find("with the evaluation after its last"),
      std::string::npos);
  EXPECT_EQ(left_out_text(200, 16),
            "an epoch has whole steps of 16 images (TRAIN.BATCH): 8 images are left out, others in each epoch");
  EXPECT_EQ(left_out_text(208, 16), "");
  EXPECT_EQ(left_out_text(9, 16), "");
}

TEST(Trainer, NanStopsBeforeTheUpdate) {
  const TempFolder folder;
  config::Options o = options_in(folder);
  o.train.max_steps = 1;
  const fs::path start = run_training(o, false, {}).last;
  fs::copy(start, folder / "start.pth");
  o.train.checkpoint = (folder / "start.pth").string();
  o.train.lr = 1e38, o.train.max_steps = 3;  // one step ruins the weights, the next one's numbers say so
  try {
    run_training(o, false, {});
    FAIL() << "NaN went unnoticed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kNan);
    EXPECT_NE(std::string(error.what()).find("is NaN or infinite at epoch 1, step 2"), std::string::npos)
        << error.what();
  }
  EXPECT_TRUE(weights(start) == weights(folder / "start.pth")) << "the last checkpoint is what the run started with";
}

TEST(Trainer, AnEpochBrokenOffTwiceIsJudgedForWhatItIsThen) {
  const TempFolder folder;
  config::Options o = options_in(folder);
  o.train.max_steps = 2;
  run_training(o, false, {});
  o.train.max_steps = 4;
  // Stopped while the model of step 4 is judged.
  bool judging = false;
  int64_t judged = 0;
  Report report{.progress = [&](const std::string& label, int64_t, int64_t, const std::string&) {
    judging = label == "evaluate";
    judged += judging ? 1 : 0;
  }};
  report.interrupted = [&] { return judging; };
  EXPECT_TRUE(run_training(o, true, report).interrupted);
  ASSERT_GT(judged, 0);
  judged = 0;
  report.interrupted = [] { return false; };
  EXPECT_FALSE(run_training(o, true, report).interrupted);
  EXPECT_GT(judged, 0) << "the model of step 4 was never judged";
  judged = 0;
  run_training(o, true, report);
  EXPECT_EQ(judged, 0) << "nothing was left";
  const std::string metrics = read_file(folder / "outputs/normal_train_metrics.csv");
  EXPECT_EQ(std::count(metrics.begin(), metrics.end(), '\n'), 2) << metrics;
}

TEST(Trainer, SaysWhatDoesNotFit) {
  const TempFolder folder;
  config::Options o = options_in(folder);
  o.model.classes = 3;
  EXPECT_THROW(run_training(o, false, {}), Error);
  o = options_in(folder);
  o.model.in_channels = 3;
  EXPECT_THROW(run_training(o, false, {}), Error);
  o = options_in(folder);
  o.data.mean.clear(), o.data.std.clear();
  EXPECT_THROW(run_training(o, false, {}), Error);
}

}  // namespace
}  // namespace qat::train
