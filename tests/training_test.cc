// What a training run says and survives, beside the exactness of resume_test.cc: broken images, Ctrl-C while models are
// evaluated, --resume without a word more.
#include <csignal>
#include <cstring>
#include <fstream>

#include "images.h"
#include "io/pth/pth.h"
#include "process.h"

namespace qat::e2e {
namespace {

namespace fs = std::filesystem;

class Training : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!can_train()) GTEST_SKIP() << "the training plugin is not built";
    write_image_folder(folder_.path / "data", {.train_per_class = 8, .test_per_class = 40});
  }

  // A command with a small network on the folder's images.
  Outcome command(std::vector<std::string> words, const std::function<void(int)>& meanwhile = {}) const {
    for (const char* word : {"MODEL.NET=resnet8", "MODEL.CLASSES=3", "DATA.PATH=data", "DATA.SIZE=32", "DATA.RESIZE=40",
                             "DATA.MEAN=0.5,0.5,0.5", "DATA.STD=0.25,0.25,0.25", "TRAIN.EPOCHS=1", "TRAIN.BATCH=8",
                             "TRAIN.THREADS=1", "TEST.BATCH=1", "QUANT.IMAGES=16", "QUANT.BATCH=4"}) {
      words.push_back(word);
    }
    return qat(words, {.folder = folder_.path, .meanwhile = meanwhile});
  }

  static void expect_ok(const Outcome& outcome) { ASSERT_EQ(outcome.code, 0) << outcome.err << outcome.out; }
  bool has(const std::string& name) const { return fs::exists(folder_.path / "outputs" / name); }

  std::map<std::string, Tensor> weights(const std::string& name) const {
    std::map<std::string, Tensor> tensors;
    const io::PyValue file = io::read_pth(folder_.path / "outputs" / name);
    for (const auto& [key, value] : std::get<io::PyDict>(file.find("state_dict")->data)) {
      tensors[key] = std::get<Tensor>(value.data);
    }
    return tensors;
  }

  const Folder folder_;
};

TEST_F(Training, SkippedImagesAreCountedAndNamed) {
  // The first image of each split: what a run reads for its own description, too.
  for (const char* split : {"train", "val"}) {
    std::ofstream(folder_.path / "data" / split / "class0" / "0.jpg") << "no JPEG at all";
  }
  EXPECT_TRUE(fails_with(command({"train"}), 3, "0.jpg"));
  const auto says = [](const Outcome& outcome, const std::string& pass) {
    const size_t at = outcome.err.find(pass + ": 1 broken image left out (DATA.BROKEN=skip): ");
    return at != std::string::npos && outcome.err.find("class0/0.jpg", at) != std::string::npos;
  };
  const Outcome trained = command({"train", "DATA.BROKEN=skip"});
  expect_ok(trained);
  EXPECT_TRUE(says(trained, "training")) << trained.err;
  EXPECT_TRUE(says(trained, "selection")) << trained.err;
  const Outcome calibrated = command({"calibrate", "DATA.BROKEN=skip", "QUANT.IMAGES=24"});
  expect_ok(calibrated);
  EXPECT_TRUE(says(calibrated, "calibration")) << calibrated.err;
  const Outcome table = command({"calibrate", "DATA.BROKEN=skip", "--quiet"});
  EXPECT_NE(table.out.find("conv1._input_quantizer"), std::string::npos) << table.out;
  EXPECT_EQ(table.err, "");
  const Outcome json = command({"calibrate", "DATA.BROKEN=skip", "DATA.LIMIT=8", "--json"});
  EXPECT_NE(json.out.find(R"("ranges":[{"layer":"conv1._input_quantizer","amax":)"), std::string::npos) << json.out;
  EXPECT_NE(json.err.find("QUANT.IMAGES 16: the training split has only 8"), std::string::npos) << json.err;
  const char* checkpoint = "QUANT.CHECKPOINT=outputs/checkpoint_normal_train_best.pth";
  EXPECT_TRUE(fails_with(command({"calibrate", checkpoint, "OUTPUTS=/dev/null/x"}), 7, "no folder /dev/null/x"));
  const Outcome refused = command({"calibrate", checkpoint, "OUTPUTS=new/deep", "QUANT.SKIP=*", "DATA.BROKEN=skip"});
  EXPECT_TRUE(fails_with(refused, 2, "leaves no layer"));
  EXPECT_FALSE(fs::exists(folder_.path / "new")) << "what ends before its result leaves no folders";
}

TEST_F(Training, AClassThatIsMissingInTheTestImagesIsTold) {
  fs::remove_all(folder_.path / "data" / "val" / "class1");
  const std::string missing = "no image of 1 of the 3 classes: class1";
  const Outcome trained = command({"train", "--quiet"});
  expect_ok(trained);
  EXPECT_EQ(trained.err, "warning: the folder that models are selected on has " + missing + "\n");
  fs::create_directories(folder_.path / "other" / "results.jsonl");
  const std::string model = "outputs/checkpoint_normal_train_best.pth";
  const Outcome evaluated = command({"eval", model});
  expect_ok(evaluated);
  EXPECT_NE(evaluated.err.find("warning: the folder of the test split has " + missing), std::string::npos)
      << evaluated.err;
  EXPECT_NE(evaluated.err.find("recorded in outputs/results.jsonl"), std::string::npos) << evaluated.err;
  const Outcome refused = command({"eval", model, "OUTPUTS=other"});
  EXPECT_TRUE(fails_with(refused, 7, "other/results.jsonl"));
  EXPECT_EQ(refused.out, "") << "the work was done before";
}

TEST_F(Training, ControlCEndsAnEvaluationAndResumeNeedsNoOptions) {
  expect_ok(command({"train"}));
  expect_ok(command({"calibrate"}));
  const std::vector<std::string> finetune{"train", "TRAIN.CHECKPOINT=outputs/checkpoint_quant_calibrate.pth",
                                          "TRAIN.LR=0.01", "TRAIN.RANGES=moving"};
  // The evaluation before finetuning begins when the last checkpoint is there; at its end the best one would be.
  bool sent = false;
  const Outcome stopped = command(finetune, [&](int pid) {
    if (sent || !has("checkpoint_quant_train_last.pth")) return;
    sent = kill(pid, SIGINT) == 0;
  });
  EXPECT_EQ(stopped.code, 130) << stopped.err;
  EXPECT_FALSE(has("checkpoint_quant_train_best.pth")) << "the evaluation went on to its end";
  EXPECT_NE(stopped.err.find("continue with `qat train --resume`"), std::string::npos) << stopped.err;

  const Outcome resumed = qat({"train", "--resume"}, {.folder = folder_.path});
  expect_ok(resumed);
  EXPECT_NE(resumed.err.find("finetuning"), std::string::npos) << resumed.err;
  EXPECT_TRUE(has("checkpoint_quant_train_best.pth"));
  const auto first = weights("checkpoint_quant_train_last.pth");
  expect_ok(command(finetune));
  for (const auto& [name, whole] : weights("checkpoint_quant_train_last.pth")) {
    const Tensor& other = first.at(name);
    ASSERT_EQ(whole.bytes(), other.bytes()) << name;
    EXPECT_EQ(std::memcmp(whole.raw(), other.raw(), whole.bytes()), 0) << name;
  }
  const Outcome other = qat({"train", "--resume", "TRAIN.LR=0.5"}, {.folder = folder_.path});
  EXPECT_TRUE(fails_with(other, 2, "expected TRAIN.LR = 0.01"));
}

TEST_F(Training, ResumeWithoutARunSaysSo) {
  EXPECT_TRUE(fails_with(command({"train", "--resume"}), 2, "train without --resume first"));
}

}  // namespace
}  // namespace qat::e2e
