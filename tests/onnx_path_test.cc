// A network of the user's own, densenet121 as PyTorch exports it, through every command from its ONNX file.
#include "base/text.h"
#include "images.h"
#include "process.h"

namespace qat::e2e {
namespace {

// Weights as PyTorch starts them, BatchNorms kept; the batch is dynamic, the size is not.
constexpr const char* kExport = R"(
import sys, torch, torchvision
torch.manual_seed(0)
net = torchvision.models.densenet121(num_classes=3)
torch.onnx.export(net.eval(), torch.zeros(2, 3, 64, 64), sys.argv[1], dynamo=False, opset_version=17,
                  training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                  input_names=["image"], output_names=["logits"],
                  dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}})
)";

class OnnxPath : public ::testing::Test {
 protected:
  Outcome command(std::vector<std::string> words) const {
    words.insert(
        words.begin() + 1,
        {"MODEL.ONNX=net.onnx", "MODEL.CLASSES=3", "DATA.PATH=data", "DATA.SIZE=64", "DATA.RESIZE=72",
         "DATA.MEAN=0.5,0.5,0.5", "DATA.STD=0.25,0.25,0.25", "DATA.WORKERS=1", "TRAIN.BATCH=8", "TRAIN.EPOCHS=2",
         "TRAIN.OPTIMIZER=adamw", "TRAIN.LR=0.0005", "QUANT.IMAGES=16", "QUANT.BATCH=8", "EVAL.BATCH=4",
         "BUILD.MIN_SHAPES=image:1x3x64x64", "BUILD.OPT_SHAPES=image:4x3x64x64", "BUILD.MAX_SHAPES=image:8x3x64x64"});
    return qat(words, {.folder = folder_.path});
  }

  static void expect_ok(const Outcome& outcome) { ASSERT_EQ(outcome.code, 0) << outcome.err << outcome.out; }

  const Folder folder_;
};

TEST_F(OnnxPath, TrainCalibrateFinetuneConvertBuildEval) {
  if (!can_train()) GTEST_SKIP() << "the training plugin is not built";
  if (judge_python().empty()) GTEST_SKIP() << "no Python judges in " QAT_DEPS_DIR;
  expect_ok(python(kExport, {(folder_.path / "net.onnx").string()}));
  write_image_folder(folder_.path / "data");

  expect_ok(command({"train"}));
  expect_ok(command({"calibrate"}));
  expect_ok(command({"train", "TRAIN.CHECKPOINT=outputs/checkpoint_quant_calibrate.pth", "TRAIN.EPOCHS=1",
                     "TRAIN.LR=0.00005", "TRAIN.RANGES=moving"}));
  expect_ok(command({"convert"}));
  expect_ok(command({"build", "--int8", "--saveEngine=outputs/save_engine/int8.engine"}));

  // Classes are far apart after two epochs, so that neither the engine's float layers (dense connections) nor
  // OpenVINO's rounding moves an image from one to another.
  const std::string reference = "EVAL.REFERENCE=outputs/checkpoint_quant_train_best.pth";
  const Outcome engine =
      command({"eval", "outputs/save_engine/int8.engine", reference, "EVAL.MIN_AGREEMENT=100", "EVAL.MIN_TOP1=60"});
  expect_ok(engine);
  expect_ok(command(
      {"eval", "outputs/save_onnx/onnx_quant_True_dynamic_input_True.onnx", reference, "EVAL.MIN_AGREEMENT=90"}));
}

}  // namespace
}  // namespace qat::e2e
