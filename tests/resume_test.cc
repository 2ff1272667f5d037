// Interrupted training: killed at random moments and resumed, it ends with the very bits of an uninterrupted run.
#include <chrono>
#include <csignal>
#include <optional>

#include "base/random.h"
#include "base/text.h"
#include "checkpoints.h"
#include "images.h"
#include "process.h"

namespace qat::e2e {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLast = "outputs/checkpoint_normal_train_last.pth";
constexpr const char* kQuantLast = "outputs/checkpoint_quant_train_last.pth";

// Three epochs of 12 steps, saved at every second one, with random crops and two loader threads.
std::vector<std::string> training(const fs::path& data) {
  return {"train",
          "MODEL.NET=resnet8",
          "MODEL.CLASSES=3",
          cat("DATA.PATH=", data.string()),
          "DATA.SIZE=32",
          "DATA.RESIZE=40",
          "DATA.MEAN=0.5,0.5,0.5",
          "DATA.STD=0.25,0.25,0.25",
          "DATA.FLIP=true",
          "DATA.AUGMENT=resized_crop",
          "DATA.WORKERS=2",
          "TRAIN.EPOCHS=3",
          "TRAIN.BATCH=4",
          "TRAIN.SAVE_EVERY=2",
          "TRAIN.THREADS=1"};
}

// Everything that can move does: ranges, averaged weights, two moments a parameter; and BN's statistics stop in the
// second epoch.
std::vector<std::string> finetuning(const fs::path& whole, int workers) {
  std::vector<std::string> words = training(whole / "data");
  words.insert(words.end(),
               {cat("TRAIN.CHECKPOINT=", (whole / "outputs/checkpoint_quant_calibrate.pth").string()),
                "TRAIN.OPTIMIZER=adamw", "TRAIN.LR=0.002", "TRAIN.RANGES=moving", "TRAIN.RANGE_MOMENTUM=0.1",
                "TRAIN.EMA=0.9", "TRAIN.FREEZE_BN=1", cat("DATA.WORKERS=", workers)});
  return words;
}

using Moment = std::function<bool()>;  // polled while a run goes on: is it time?

// `delay` seconds after the first checkpoint is there.
Moment after_first_checkpoint(const fs::path& last, double delay) {
  using Clock = std::chrono::steady_clock;
  return [last, delay, seen = std::optional<Clock::time_point>()]() mutable {
    if (!seen && fs::exists(last)) seen = Clock::now();
    return seen && std::chrono::duration<double>(Clock::now() - *seen).count() >= delay;
  };
}

// The checkpoint is of the middle of epoch `epoch` (from 0), or later.
Moment in_mid_epoch(const fs::path& last, int64_t epoch) {
  return [last, epoch] {
    if (!fs::exists(last)) return false;
    const io::PyValue file = io::read_pth(last);
    const auto count = [&](const char* key) { return std::get<int64_t>(file.find("training")->find(key)->data); };
    return count("epoch") > epoch || (count("epoch") == epoch && count("next_batch") > 0);
  };
}

class Resume : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!can_train()) return;
    whole_ = new Folder;
    write_image_folder(whole_->path / "data", {.train_per_class = 16});
    const Outcome outcome = qat(training(whole_->path / "data"), {.folder = whole_->path});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  void SetUp() override {
    if (!can_train()) GTEST_SKIP() << "the training plugin is not built";
  }
  static void TearDownTestSuite() {
    delete whole_;
    whole_ = nullptr;
  }

  // Sends `signal` when the moment has come.
  static Outcome interrupted(const std::vector<std::string>& words, const fs::path& folder, int signal, Moment moment) {
    bool sent = false;
    return qat(words, {.folder = folder, .meanwhile = [&](int pid) {
                         if (sent || !moment()) return;
                         kill(pid, signal);
                         sent = true;
                       }});
  }

  // Starts or resumes the float training.
  static Outcome interrupted_training(const fs::path& folder, int signal, double delay) {
    std::vector<std::string> words = training(whole_->path / "data");
    if (fs::exists(folder / kLast)) words.push_back("--resume");
    return interrupted(words, folder, signal, after_first_checkpoint(folder / kLast, delay));
  }

  static void expect_same_as_whole(const fs::path& folder) {
    EXPECT_EQ(first_difference(io::read_pth(whole_->path / kLast), io::read_pth(folder / kLast)), "");
  }

  static inline Folder* whole_ = nullptr;
};

TEST_F(Resume, KilledAtRandomMoments) {
  const Folder folder;
  Random random(7);
  const int kills = slow_tests() ? 100 : 3;
  int killed = 0;
  for (int i = 0; i < kills; ++i) {
    const Outcome outcome = interrupted_training(folder.path, SIGKILL, random.uniform(0, killed == 0 ? 0.2 : 2.0));
    killed += outcome.code == 128 + SIGKILL ? 1 : 0;
    ASSERT_TRUE(outcome.code == 0 || outcome.code == 128 + SIGKILL) << outcome.err;
    // What is there can be read, always.
    if (fs::exists(folder.path / kLast)) {
      ASSERT_NO_THROW(io::read_pth(folder.path / kLast));
    }
  }
  EXPECT_GT(killed, 0) << "no kill came in time";
  std::vector<std::string> words = training(whole_->path / "data");
  words.push_back("--resume");
  const Outcome rest = qat(words, {.folder = folder.path});
  ASSERT_EQ(rest.code, 0) << rest.err;
  expect_same_as_whole(folder.path);
}

// Killed in the middle of the first epoch and of the second; the whole run has two loader threads, these have others.
TEST_F(Resume, FinetuningWithAllThatMovesKilledInMidEpoch) {
  std::vector<std::string> calibration = training(whole_->path / "data");
  calibration[0] = "calibrate";
  calibration.insert(calibration.end(), {"QUANT.IMAGES=16", "QUANT.BATCH=8"});
  const Outcome calibrated = qat(calibration, {.folder = whole_->path});
  ASSERT_EQ(calibrated.code, 0) << calibrated.err;
  const Outcome whole = qat(finetuning(whole_->path, 2), {.folder = whole_->path});
  ASSERT_EQ(whole.code, 0) << whole.err;
  const io::PyValue expected = io::read_pth(whole_->path / kQuantLast);

  for (const int workers : slow_tests() ? std::vector{0, 1, 4} : std::vector{1}) {
    const Folder folder;
    std::vector<std::string> words = finetuning(whole_->path, workers);
    for (const int64_t epoch : {0, 1}) {
      const Outcome outcome = interrupted(words, folder.path, SIGKILL, in_mid_epoch(folder.path / kQuantLast, epoch));
      ASSERT_EQ(outcome.code, 128 + SIGKILL) << outcome.err;
      if (epoch == 0) words.push_back("--resume");
    }
    const Outcome rest = qat(words, {.folder = folder.path});
    ASSERT_EQ(rest.code, 0) << rest.err;
    const io::PyValue got = io::read_pth(folder.path / kQuantLast);
    for (const char* part : {"state_dict", "training"}) {
      EXPECT_EQ(first_difference(*expected.find(part), *got.find(part)), "") << part << ", " << workers << " workers";
    }
  }
}

TEST_F(Resume, ControlCSavesAndExits130) {
  const Folder folder;
  const Outcome stopped = interrupted_training(folder.path, SIGINT, 0.05);
  EXPECT_EQ(stopped.code, 130) << stopped.err;
  EXPECT_NE(stopped.err.find("--resume"), std::string::npos) << stopped.err;
  std::vector<std::string> words = training(whole_->path / "data");
  words.push_back("--resume");
  const Outcome rest = qat(words, {.folder = folder.path});
  ASSERT_EQ(rest.code, 0) << rest.err;
  expect_same_as_whole(folder.path);
}

TEST_F(Resume, AnyNumberOfLoaderThreadsGivesTheSame) {
  const Folder folder;
  std::vector<std::string> words = training(whole_->path / "data");
  words.push_back("DATA.WORKERS=0");
  const Outcome outcome = qat(words, {.folder = folder.path});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const io::PyValue whole = io::read_pth(whole_->path / kLast), other = io::read_pth(folder.path / kLast);
  EXPECT_EQ(first_difference(*whole.find("state_dict"), *other.find("state_dict")), "");
}

TEST_F(Resume, AFullDiskKeepsTheOldCheckpoint) {
  const Folder folder;
  const Outcome outcome = qat(training(whole_->path / "data"), {.folder = folder.path, .file_bytes = 100000});
  EXPECT_TRUE(fails_with(outcome, 7, "checkpoint"));
  for (const auto& entry : fs::recursive_directory_iterator(folder.path)) {
    if (entry.path().extension() == ".pth") {
      EXPECT_NO_THROW(io::read_pth(entry.path())) << entry.path();
    }
  }
}

}  // namespace
}  // namespace qat::e2e
