// Training and calibration in two processes, as a launcher starts them: results, resuming, and what happens when one
// of them is lost.
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/text.h"
#include "checkpoints.h"
#include "images.h"
#include "process.h"
#include "train/distributed/ranks_testing.h"

namespace qat::e2e {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLast = "outputs/checkpoint_normal_train_last.pth";
constexpr const char* kBest = "outputs/checkpoint_normal_train_best.pth";

using Meanwhile = std::function<void(int rank, int pid)>;

class Distributed : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!can_train()) GTEST_SKIP() << "the training plugin is not built";
    write_image_folder(data_.path, {.train_per_class = 16});
  }

  // 48 images, 8 a step: two epochs of six steps.
  std::vector<std::string> command(const std::string& name, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{name,
                                   "MODEL.NET=resnet8",
                                   "MODEL.CLASSES=3",
                                   cat("DATA.PATH=", data_.path.string()),
                                   "DATA.SIZE=32",
                                   "DATA.RESIZE=40",
                                   "DATA.FLIP=true",
                                   "DATA.MEAN=0.5,0.5,0.5",
                                   "DATA.STD=0.25,0.25,0.25",
                                   "TRAIN.EPOCHS=2",
                                   "TRAIN.BATCH=8",
                                   "TRAIN.LR=0.02",
                                   "TRAIN.SYNC_BN=true",
                                   "TRAIN.SAVE_EVERY=2",
                                   "TRAIN.THREADS=1",
                                   "QUANT.IMAGES=20",
                                   "QUANT.BATCH=4"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  static std::vector<Outcome> on_two(const std::vector<std::string>& words, const fs::path& folder,
                                     const Meanwhile& meanwhile = {}) {
    const std::string port = std::to_string(train::free_port());
    std::vector<Outcome> outcomes(2);
    std::vector<std::thread> threads;
    threads.reserve(outcomes.size());
    for (int rank = 0; rank < 2; ++rank) {
      threads.emplace_back([&, rank] {
        RunOptions options{.folder = folder,
                           .env = {{"RANK", std::to_string(rank)}, {"WORLD_SIZE", "2"}, {"MASTER_PORT", port}}};
        if (meanwhile) options.meanwhile = [&, rank](int pid) { meanwhile(rank, pid); };
        outcomes[static_cast<size_t>(rank)] = qat(words, options);
      });
    }
    for (std::thread& thread : threads) thread.join();
    return outcomes;
  }

  static void expect_ok(const std::vector<Outcome>& outcomes) {
    for (const Outcome& outcome : outcomes) ASSERT_EQ(outcome.code, 0) << outcome.err << outcome.out;
    EXPECT_NE(outcomes[0].out, "");
    EXPECT_EQ(outcomes[1].out, "") << "rank 0 tells the result";
    EXPECT_EQ(outcomes[1].err, "") << "rank 0 reports";
  }

  // Column `column` of an epoch's line.
  static std::vector<double> metrics(const fs::path& folder, size_t column) {
    std::ifstream file(folder / "outputs/normal_train_metrics.csv");
    std::string line;
    std::getline(file, line);
    std::vector<double> values;
    while (std::getline(file, line)) {
      std::istringstream words(line);
      for (size_t i = 0; i <= column; ++i) std::getline(words, line, ',');
      values.push_back(std::stod(line));
    }
    return values;
  }

  const Folder data_;
};

TEST_F(Distributed, TrainsAndCalibratesAsOneProcess) {
  const Folder one, two;
  const Outcome whole = qat(command("train"), {.folder = one.path});
  ASSERT_EQ(whole.code, 0) << whole.err;
  const std::vector<Outcome> both = on_two(command("train"), two.path);
  expect_ok(both);
  EXPECT_NE(both[0].err.find("2 processes train together: 8 images a step in all"), std::string::npos) << both[0].err;
  constexpr size_t kLoss = 2;
  const std::vector<double> want = metrics(one.path, kLoss), got = metrics(two.path, kLoss);
  ASSERT_EQ(want.size(), 2u);
  ASSERT_EQ(got.size(), 2u);
  for (size_t i = 0; i < 2; ++i) EXPECT_NEAR(got[i], want[i], 2e-3 * want[i]) << "epoch " << i;

  // The same images in the same batches, dealt out: the very same ranges.
  const std::string checkpoint = cat("QUANT.CHECKPOINT=", (one.path / kBest).string());
  ASSERT_EQ(qat(command("calibrate", {checkpoint}), {.folder = one.path}).code, 0);
  expect_ok(on_two(command("calibrate", {checkpoint}), two.path));
  const char* calibrated = "outputs/checkpoint_quant_calibrate.pth";
  EXPECT_EQ(first_difference(*io::read_pth(one.path / calibrated).find("state_dict"),
                             *io::read_pth(two.path / calibrated).find("state_dict")),
            "");
}

TEST_F(Distributed, ControlCSavesOnceAndResumesExactly) {
  const Folder whole, stopped;
  expect_ok(on_two(command("train"), whole.path));
  std::array<bool, 2> sent{};
  const auto outcomes = on_two(command("train"), stopped.path, [&](int rank, int pid) {
    bool& mine = sent[static_cast<size_t>(rank)];
    if (!mine && fs::exists(stopped.path / kLast)) mine = kill(pid, SIGINT) == 0;
  });
  for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.code, 130) << outcome.err;
  EXPECT_NE(outcomes[0].err.find("continue with `qat train --resume`"), std::string::npos) << outcomes[0].err;
  EXPECT_EQ(outcomes[1].err.find("--resume"), std::string::npos) << outcomes[1].err;
  expect_ok(on_two({"train", "--resume"}, stopped.path));
  const io::PyValue want = io::read_pth(whole.path / kLast), got = io::read_pth(stopped.path / kLast);
  for (const char* part : {"state_dict", "training"}) {
    EXPECT_EQ(first_difference(*want.find(part), *got.find(part)), "") << part;
  }
}

TEST_F(Distributed, ALostRankEndsTheOther) {
  for (const int lost : {1, 0}) {
    const Folder folder;
    bool sent = false;
    std::chrono::steady_clock::time_point when, ended;
    const auto outcomes = on_two(command("train", {"TRAIN.EPOCHS=500"}), folder.path, [&](int rank, int pid) {
      if (rank != lost) ended = std::chrono::steady_clock::now();
      if (rank != lost || sent || !fs::exists(folder.path / kLast)) return;
      sent = kill(pid, SIGKILL) == 0;
      when = std::chrono::steady_clock::now();
    });
    ASSERT_TRUE(sent);
    EXPECT_EQ(outcomes[static_cast<size_t>(lost)].code, 128 + SIGKILL);
    EXPECT_TRUE(fails_with(outcomes[static_cast<size_t>(1 - lost)], 1, cat("[rank ", lost, "] is lost")));
    EXPECT_LT(std::chrono::duration<double>(ended - when).count(), 10.0);
    EXPECT_NO_THROW(io::read_pth(folder.path / kLast));
  }
}

TEST_F(Distributed, AnErrorIsToldOnce) {
  const Folder folder;
  std::ofstream(data_.path / "train" / "class1" / "3.jpg") << "no JPEG at all";
  const auto outcomes = on_two(command("train"), folder.path);
  EXPECT_TRUE(fails_with(outcomes[0], 3, "3.jpg"));
  EXPECT_EQ(outcomes[1].code, 3);
  EXPECT_EQ(outcomes[1].err, "");
  const Outcome alone = qat(command("train"), {.folder = folder.path, .env = {{"RANK", "2"}, {"WORLD_SIZE", "2"}}});
  EXPECT_TRUE(fails_with(alone, 2, "expected RANK in 0 to 1"));
}

}  // namespace
}  // namespace qat::e2e
