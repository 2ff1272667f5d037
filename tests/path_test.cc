// The system's own experiment, configs/imagenet_resnet50.yaml, for two steps on a small folder of JPEG images: every
// command of the path, one after another.
#include <csignal>
#include <fstream>

#include "base/text.h"
#include "images.h"
#include "process.h"

namespace qat::e2e {
namespace {

namespace fs = std::filesystem;

class Path : public ::testing::Test {
 protected:
  // One run of the path serves all tests of it.
  static void SetUpTestSuite() {
    if (!can_train()) return;
    folder_ = new Folder;
    write_image_folder(folder_->path / "data");
  }
  void SetUp() override {
    if (!can_train()) GTEST_SKIP() << "the training plugin is not built";
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }

  static Outcome command(std::vector<std::string> words, const std::function<void(int)>& meanwhile = {}) {
    const bool builds = words[0] == "build";
    words.insert(words.begin() + 1, {"--config", QAT_SOURCE_DIR "/configs/imagenet_resnet50.yaml"});
    for (const char* word :
         {"DATA.PATH=data", "MODEL.CLASSES=3", "DATA.SIZE=64", "DATA.RESIZE=72", "DATA.WORKERS=1", "TRAIN.BATCH=8",
          "TRAIN.EPOCHS=1", "TRAIN.MAX_STEPS=2", "TEST.BATCH=4", "QUANT.IMAGES=8", "QUANT.BATCH=4", "EVAL.BATCH=4"}) {
      words.push_back(word);
    }
    if (builds) {
      words.insert(words.end(), {"BUILD.MIN_SHAPES=input:1x3x64x64", "BUILD.OPT_SHAPES=input:4x3x64x64",
                                 "BUILD.MAX_SHAPES=input:8x3x96x96"});
    }
    return qat(words, {.folder = folder_->path, .meanwhile = meanwhile});
  }

  static fs::path output(const std::string& name) { return folder_->path / "outputs" / name; }

  static void expect_ok(const Outcome& outcome) { ASSERT_EQ(outcome.code, 0) << outcome.err << outcome.out; }

  static inline Folder* folder_ = nullptr;
};

// The tests of this suite run in the order in which they are written: each step takes what the one before made.

TEST_F(Path, A_Train) {
  expect_ok(command({"train"}));
  EXPECT_TRUE(fs::exists(output("checkpoint_normal_train_best.pth")));
}

TEST_F(Path, B_Calibrate) {
  expect_ok(command({"calibrate"}));
  EXPECT_TRUE(fs::exists(output("checkpoint_quant_calibrate.pth")));
}

TEST_F(Path, C_Finetune) {
  expect_ok(command({"train", "TRAIN.CHECKPOINT=outputs/checkpoint_quant_calibrate.pth", "TRAIN.LR=0.0001"}));
  EXPECT_TRUE(fs::exists(output("checkpoint_quant_train_best.pth")));
}

TEST_F(Path, D_ControlCEndsConvert) {
  bool sent = false;
  const Outcome stopped = command({"convert", "--all"}, [&](int pid) {
    if (sent || !fs::exists(output("save_onnx/onnx_quant_True_dynamic_input_True.onnx"))) return;
    sent = kill(pid, SIGINT) == 0;
  });
  EXPECT_EQ(stopped.code, 130) << stopped.err;
  EXPECT_FALSE(fs::exists(output("save_onnx/onnx_quant_False_dynamic_input_False.onnx")));
}

TEST_F(Path, D_ConvertAllFour) {
  expect_ok(command({"convert", "--all"}));
  for (const char* quant : {"True", "False"}) {
    for (const char* dynamic : {"True", "False"}) {
      EXPECT_TRUE(fs::exists(output(cat("save_onnx/onnx_quant_", quant, "_dynamic_input_", dynamic, ".onnx"))));
    }
  }
}

TEST_F(Path, E_PythonsOnnxCheckerAcceptsThem) {
  if (judge_python().empty()) GTEST_SKIP() << "no Python judges in " QAT_DEPS_DIR;
  const Outcome outcome = python(R"(
import glob, sys, onnx
files = sorted(glob.glob(sys.argv[1] + '/*.onnx'))
assert len(files) == 4, files
for file in files:
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    quant = 'quant_True' in file
    ops = {node.op_type for node in model.graph.node}
    assert ('QuantizeLinear' in ops) == quant, (file, ops)
    assert 'BatchNormalization' not in ops, file
    batch = model.graph.input[0].type.tensor_type.shape.dim[0]
    assert (batch.dim_param != '') == ('dynamic_input_True' in file), file
    meta = {p.key: p.value for p in model.metadata_props}
    assert 'mean' in meta and 'std' in meta, meta
)",
                                 {output("save_onnx").string()});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
}

TEST_F(Path, F_Build) {
  expect_ok(command({"build", "--int8", "--saveEngine=outputs/save_engine/int8.engine"}));
  const Outcome built = command({"build"}), telling = command({"build", "--verbose"});
  expect_ok(built);
  expect_ok(telling);
  ASSERT_NE(built.err.find("fused: "), std::string::npos) << built.err;
  EXPECT_EQ(built.err.find("fused: "), built.err.rfind("fused: ")) << built.err;
  EXPECT_NE(built.err.find("(--verbose lists them)"), std::string::npos) << built.err;
  EXPECT_NE(telling.err.find("fused: "), telling.err.rfind("fused: ")) << telling.err;
  EXPECT_TRUE(fs::exists(output("save_engine/engine_quant_True_dynamic_input_True.engine")));
  const std::string onnx = "--onnx=outputs/save_onnx/onnx_quant_False_dynamic_input_True.onnx";
  expect_ok(command({"build", onnx, "--fp32", "--saveEngine=outputs/save_engine/fp32.engine"}));
  const Outcome placeholder = command({"build", onnx, "--int8", "--saveEngine=outputs/save_engine/placeholder.engine"});
  expect_ok(placeholder);
  EXPECT_NE(placeholder.err.find("latency only"), std::string::npos) << placeholder.err;
}

TEST_F(Path, G_EvalOfAllThreeAgrees) {
  expect_ok(command({"eval", "outputs/checkpoint_quant_train_best.pth"}));
  // 12 images: the engine and the checkpoint give the same class on each, being the same integers.
  const std::string reference = "EVAL.REFERENCE=outputs/checkpoint_quant_train_best.pth";
  expect_ok(command({"eval", "outputs/save_engine/int8.engine", reference, "EVAL.MIN_AGREEMENT=100"}));
  expect_ok(command(
      {"eval", "outputs/save_onnx/onnx_quant_True_dynamic_input_True.onnx", reference, "EVAL.MIN_AGREEMENT=90"}));
  expect_ok(command({"eval", "outputs/save_engine/fp32.engine",
                     "EVAL.REFERENCE=outputs/checkpoint_normal_train_best.pth", "EVAL.MIN_AGREEMENT=100"}));
  expect_ok(command({"eval", "outputs/save_onnx/onnx_quant_False_dynamic_input_False.onnx"}));
  const Outcome larger = qat({"eval", "outputs/checkpoint_quant_train_best.pth", "DATA.PATH=data", "DATA.SIZE=128",
                              "DATA.RESIZE=128", "EVAL.REFERENCE=outputs/save_engine/int8.engine"},
                             {.folder = folder_->path});
  EXPECT_TRUE(fails_with(larger, 2, "qat: outputs/save_engine/int8.engine: [input"));
}

TEST_F(Path, H_ThresholdsAndPlaceholders) {
  EXPECT_TRUE(fails_with(command({"eval", "outputs/save_engine/placeholder.engine"}), 2, "placeholder"));
  EXPECT_TRUE(fails_with(command({"eval", "outputs/save_engine/fp32.engine",
                                  "EVAL.REFERENCE=outputs/save_engine/int8.engine", "EVAL.MIN_TOP1=100.0"}),
                         4, "EVAL.MIN_TOP1"));
}

TEST_F(Path, I_BenchWritesWhatTrtexecDoes) {
  const Outcome outcome = command({"bench", "--shapes=input:2x3x64x64", "--duration=0.1", "--warmUp=10",
                                   "--iterations=3", "--percentile=50,99", "--exportTimes=times.json",
                                   "--exportProfile=profile.json", "--exportLayerInfo=layers.json", "--threads=1"});
  expect_ok(outcome);
  EXPECT_NE(outcome.out.find("Throughput: "), std::string::npos);
  EXPECT_NE(outcome.out.find("Latency: min = "), std::string::npos);
  EXPECT_NE(outcome.out.find("percentile(99%) = "), std::string::npos);
  for (const char* name : {"times.json", "profile.json", "layers.json"}) EXPECT_TRUE(fs::exists(folder_->path / name));
  expect_ok(command({"bench", "outputs/save_engine/placeholder.engine", "--duration=0.1", "--warmUp=0"}));
  EXPECT_TRUE(fails_with(command({"bench", "--shapes=input:9x3x64x64", "--duration=0.1"}), 2, "8"));
}

TEST_F(Path, J_CompareAndInspect) {
  const Outcome outcome =
      command({"compare", "outputs/checkpoint_quant_train_best.pth", "outputs/save_engine/int8.engine", "--images=2"});
  expect_ok(outcome);
  EXPECT_NE(outcome.out.find("(logits)"), std::string::npos);
  EXPECT_EQ(outcome.out.find("\nfc "), std::string::npos) << "the logits twice\n" << outcome.out;
  EXPECT_NE(outcome.out.find("layer4.2.relu"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("no layer diverges"), std::string::npos) << outcome.out;
  const Outcome larger = qat({"compare", "outputs/checkpoint_quant_train_best.pth", "outputs/save_engine/int8.engine",
                              "DATA.PATH=data", "DATA.SIZE=128", "DATA.RESIZE=128"},
                             {.folder = folder_->path});
  EXPECT_TRUE(fails_with(larger, 2, "qat: outputs/save_engine/int8.engine: [input"));
  for (const char* name : {"checkpoint_quant_train_best.pth", "save_onnx/onnx_quant_True_dynamic_input_True.onnx",
                           "save_engine/int8.engine"}) {
    expect_ok(command({"inspect", output(name)}));
    expect_ok(command({"inspect", output(name), "--json"}));
  }
}

TEST_F(Path, K_Report) {
  const Outcome outcome = command({"report"});
  expect_ok(outcome);
  for (const char* text : {"QAT", "original", "int8", "fp32", "placeholder", "ACC@1", "latency ms"}) {
    EXPECT_NE(outcome.out.find(text), std::string::npos) << text << " is missing in\n" << outcome.out;
  }
  EXPECT_TRUE(fs::exists(output("report.md")));
}

TEST_F(Path, L_BrokenImages) {
  const fs::path broken = folder_->path / "data" / "val" / "class1" / "broken.jpg";
  std::ofstream(broken) << "no JPEG at all";
  const std::vector<std::string> words{"eval", "outputs/save_engine/fp32.engine"};
  EXPECT_TRUE(fails_with(command(words), 3, "broken.jpg"));
  std::vector<std::string> skipping = words;
  skipping.push_back("DATA.BROKEN=skip");
  const Outcome outcome = command(skipping);
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.out.find("12 of the test split, 1 broken ones left out"), std::string::npos) << outcome.out;
  fs::remove(broken);
}

TEST_F(Path, M_FullDisk) {
  // Every file that a command writes may not grow past 64 KiB: exit code 7, and what was there stays as it was.
  const fs::path engine = output("save_engine/int8.engine");
  const auto size = fs::file_size(engine);
  const std::vector<std::string> build{"build", "--onnx=outputs/save_onnx/onnx_quant_True_dynamic_input_True.onnx",
                                       "--saveEngine=outputs/save_engine/int8.engine",
                                       "BUILD.OPT_SHAPES=input:1x3x64x64"};
  EXPECT_TRUE(fails_with(qat(build, {.folder = folder_->path, .file_bytes = 65536}), 7, "int8.engine"));
  EXPECT_EQ(fs::file_size(engine), size);
  const std::vector<std::string> convert{"convert", "--output=disk.onnx"};
  EXPECT_TRUE(fails_with(qat(convert, {.folder = folder_->path, .file_bytes = 65536}), 7, "disk.onnx"));
  EXPECT_FALSE(fs::exists(folder_->path / "disk.onnx"));
}

TEST_F(Path, N_DamagedFilesAreRefused) {
  const Folder other;
  for (const char* name : {"save_engine/int8.engine", "save_onnx/onnx_quant_True_dynamic_input_True.onnx",
                           "checkpoint_quant_train_best.pth"}) {
    const fs::path copy = other.path / fs::path(name).filename();
    fs::copy_file(output(name), copy);
    fs::resize_file(copy, fs::file_size(copy) * 2 / 3);
    EXPECT_TRUE(fails_with(command({"inspect", copy}), 3, copy.filename()));
  }
}

}  // namespace
}  // namespace qat::e2e
