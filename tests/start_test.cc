// Where a command starts: pixels, classes and network of the checkpoint it is given; plain state dicts, float and with
// ranges; and that what it starts from is never lost.
#include "images.h"
#include "io/checkpoint.h"
#include "process.h"

namespace qat::e2e {
namespace {

namespace fs = std::filesystem;

// The state dict of a checkpoint alone, as torch.save(model.state_dict()) has it.
void write_plain(const fs::path& checkpoint, const fs::path& plain) {
  io::write_pth(plain, *io::read_pth(checkpoint).find("state_dict"));
}

class Start : public ::testing::Test {
 protected:
  // One network, trained and calibrated, serves all tests; each has OUTPUTS of its own.
  static void SetUpTestSuite() {
    if (!can_train()) return;
    folder_ = new Folder;
    write_image_folder(folder_->path / "data");
    std::vector<std::string> words{"train", "DATA.SIZE=32", "DATA.RESIZE=40", "DATA.MEAN=0.5,0.5,0.5",
                                   "DATA.STD=0.25,0.25,0.25"};
    words.insert(words.end(), kNet.begin(), kNet.end());
    expect_ok(command(words));
    expect_ok(command({"calibrate"}));
  }
  void SetUp() override {
    if (!can_train()) GTEST_SKIP() << "the training plugin is not built";
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }

  static Outcome command(std::vector<std::string> words) {
    for (const char* word :
         {"DATA.PATH=data", "TRAIN.EPOCHS=2", "TRAIN.BATCH=8", "TRAIN.THREADS=1", "QUANT.IMAGES=16", "QUANT.BATCH=4"}) {
      words.push_back(word);
    }
    return qat(words, {.folder = folder_->path});
  }
  static std::vector<std::string> with_net(std::vector<std::string> words) {
    words.insert(words.end(), kNet.begin(), kNet.end());
    for (const char* word : {"DATA.SIZE=32", "DATA.RESIZE=40", "DATA.MEAN=0.5,0.5,0.5", "DATA.STD=0.25,0.25,0.25"}) {
      words.push_back(word);
    }
    return words;
  }

  static void expect_ok(const Outcome& outcome) { ASSERT_EQ(outcome.code, 0) << outcome.err << outcome.out; }
  static fs::path path(const std::string& name) { return folder_->path / name; }

  static inline const std::vector<std::string> kNet{"MODEL.NET=resnet8", "MODEL.CLASSES=3"};
  static inline const std::string kBest = "outputs/checkpoint_normal_train_best.pth";
  static inline const std::string kCalibrated = "outputs/checkpoint_quant_calibrate.pth";
  static inline Folder* folder_ = nullptr;
};

TEST_F(Start, CalibrationSeesThePixelsThatTheCheckpointWasTrainedOn) {
  const auto metadata = io::load_checkpoint(path(kCalibrated)).graph.metadata;
  EXPECT_EQ(metadata.at("input"), "3,32,32");
  EXPECT_NE(metadata.at("config").find("RESIZE: 40"), std::string::npos);
  EXPECT_NE(metadata.at("config").find("CLASSES: 3"), std::string::npos);
}

TEST_F(Start, FinetuningToo) {
  expect_ok(command({"train", "TRAIN.CHECKPOINT", kCalibrated, "OUTPUTS=tuned", "TRAIN.LR=0.001"}));
  const auto metadata = io::load_checkpoint(path("tuned/checkpoint_quant_train_best.pth")).graph.metadata;
  EXPECT_EQ(metadata.at("input"), "3,32,32");
}

TEST_F(Start, ACheckpointsNetworkIsItsOwn) {
  EXPECT_TRUE(fails_with(command({"train", "TRAIN.CHECKPOINT", kCalibrated, "MODEL.CLASSES=7", "OUTPUTS=o"}), 2,
                         "[MODEL.CLASSES] 7 is not what"));
}

TEST_F(Start, ClassesOfAnotherNameAreRefused) {
  fs::copy(path("data"), path("other"), fs::copy_options::recursive);
  fs::rename(path("other/val/class0"), path("other/val/zz"));
  EXPECT_TRUE(
      fails_with(qat({"eval", kBest, "DATA.PATH=other"}, {.folder = folder_->path}), 3, "the folder zz is none"));
  expect_ok(qat({"eval", kBest, "DATA.TEST=other/val", "DATA.LABELS=order"}, {.folder = folder_->path}));
  expect_ok(qat({"eval", kBest, "DATA.TEST=data/val"}, {.folder = folder_->path}));
}

TEST_F(Start, APlainStateDictIsCalibratedWithoutTraining) {
  write_plain(path(kBest), path("plain.pth"));
  expect_ok(command(with_net({"calibrate", "QUANT.CHECKPOINT=plain.pth", "OUTPUTS=ptq"})));
  expect_ok(command(with_net({"calibrate", "MODEL.WEIGHTS=plain.pth", "OUTPUTS=ptq2"})));
  const auto one = io::load_checkpoint(path("ptq/checkpoint_quant_calibrate.pth")).graph;
  const auto two = io::load_checkpoint(path("ptq2/checkpoint_quant_calibrate.pth")).graph;
  EXPECT_EQ(one.nodes.size(), two.nodes.size());
  EXPECT_EQ(one.nodes.size(), io::load_checkpoint(path(kCalibrated)).graph.nodes.size());
}

TEST_F(Start, AStateDictWithRangesIsFinetuned) {
  write_plain(path(kCalibrated), path("ranges.pth"));
  expect_ok(command(with_net({"train", "TRAIN.CHECKPOINT=ranges.pth", "OUTPUTS=tuned2", "TRAIN.LR=0.001"})));
  EXPECT_TRUE(fs::exists(path("tuned2/checkpoint_quant_train_best.pth")));
}

TEST_F(Start, TrainingThatMakesItWorseKeepsTheStart) {
  fs::copy(path("outputs"), path("again"), fs::copy_options::recursive);
  expect_ok(
      command({"train", "TRAIN.CHECKPOINT=again/checkpoint_normal_train_best.pth", "OUTPUTS=again", "TRAIN.LR=3"}));
  const auto top1 = [](const fs::path& file) { return std::stod(io::load_checkpoint(file).graph.metadata.at("top1")); };
  EXPECT_GE(top1(path("again/checkpoint_normal_train_best.pth")), top1(path(kBest)));
}

TEST_F(Start, ImagesMustHaveTheSizeThatANetworkFixes) {
  EXPECT_TRUE(fails_with(command({"train", "MODEL.NET=vgg16_bn", "MODEL.CLASSES=3", "DATA.MEAN=0.5,0.5,0.5",
                                  "DATA.STD=0.25,0.25,0.25", "OUTPUTS=vgg"}),
                         2, "set DATA.SIZE 224"));
}

}  // namespace
}  // namespace qat::e2e
