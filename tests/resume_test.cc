// Interrupted training: killed at random moments and resumed, it ends with the very bits of an uninterrupted run.
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>

#include "base/random.h"
#include "base/text.h"
#include "images.h"
#include "io/pth/pth.h"
#include "process.h"

namespace qat::e2e {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLast = "outputs/checkpoint_normal_train_last.pth";

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

// The first place at which two checkpoints differ; "" when none. Times in the history are not part of the state.
std::string first_difference(const io::PyValue& a, const io::PyValue& b, const std::string& place = "") {
  if (a.data.index() != b.data.index()) return place + " (type)";
  if (const auto* x = std::get_if<Tensor>(&a.data)) {
    const auto& y = std::get<Tensor>(b.data);
    const bool same =
        x->shape() == y.shape() && x->type() == y.type() && std::memcmp(x->raw(), y.raw(), x->bytes()) == 0;
    return same ? "" : place;
  }
  if (const auto* x = std::get_if<io::PyDict>(&a.data)) {
    const auto& y = std::get<io::PyDict>(b.data);
    if (x->size() != y.size()) return place + " (keys)";
    for (size_t i = 0; i < x->size(); ++i) {
      if ((*x)[i].first != y[i].first) return place + "." + (*x)[i].first;
      if ((*x)[i].first == "history") continue;
      const std::string inner = first_difference((*x)[i].second, y[i].second, place + "." + (*x)[i].first);
      if (!inner.empty()) return inner;
    }
    return "";
  }
  if (const auto* x = std::get_if<io::PyList>(&a.data)) {
    const auto& y = std::get<io::PyList>(b.data);
    if (x->size() != y.size()) return place + " (length)";
    for (size_t i = 0; i < x->size(); ++i) {
      const std::string inner = first_difference((*x)[i], y[i], cat(place, "[", i, "]"));
      if (!inner.empty()) return inner;
    }
    return "";
  }
  if (const auto* x = std::get_if<std::string>(&a.data)) return *x == std::get<std::string>(b.data) ? "" : place;
  if (const auto* x = std::get_if<int64_t>(&a.data)) return *x == std::get<int64_t>(b.data) ? "" : place;
  if (const auto* x = std::get_if<double>(&a.data)) return *x == std::get<double>(b.data) ? "" : place;
  if (const auto* x = std::get_if<bool>(&a.data)) return *x == std::get<bool>(b.data) ? "" : place;
  return "";
}

class Resume : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    whole_ = new Folder;
    write_image_folder(whole_->path / "data", {.train_per_class = 16});
    const Outcome outcome = qat(training(whole_->path / "data"), {.folder = whole_->path});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  static void TearDownTestSuite() {
    delete whole_;
    whole_ = nullptr;
  }

  // Starts or resumes a training in `folder` and sends `signal` `delay` seconds after its first checkpoint is there.
  static Outcome interrupted_run(const fs::path& folder, int signal, double delay) {
    std::vector<std::string> words = training(whole_->path / "data");
    if (fs::exists(folder / kLast)) words.push_back("--resume");
    const auto start = std::chrono::steady_clock::now();
    bool sent = false;
    double first_seen = -1;
    return qat(words, {.folder = folder, .meanwhile = [&](int pid) {
                         const double now =
                             std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
                         if (first_seen < 0 && fs::exists(folder / kLast)) first_seen = now;
                         if (sent || first_seen < 0 || now < first_seen + delay) return;
                         kill(pid, signal);
                         sent = true;
                       }});
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
    const Outcome outcome = interrupted_run(folder.path, SIGKILL, random.uniform(0, killed == 0 ? 0.2 : 2.0));
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

TEST_F(Resume, ControlCSavesAndExits130) {
  const Folder folder;
  const Outcome stopped = interrupted_run(folder.path, SIGINT, 0.05);
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
