// What goes wrong before any work: each case has its documented exit code and one line that says what to do.
#include <algorithm>
#include <fstream>

#include "process.h"

namespace qat::e2e {
namespace {

namespace fs = std::filesystem;

TEST(Usage, HelpAndVersion) {
  const Outcome help = qat({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* name :
       {"train", "calibrate", "convert", "build", "eval", "bench", "report", "inspect", "compare", "config"}) {
    EXPECT_NE(help.out.find(name), std::string::npos) << name;
    const Outcome own = qat({name, "--help"});
    EXPECT_EQ(own.code, 0) << name;
    EXPECT_NE(own.out.find("Usage: qat " + std::string(name)), std::string::npos) << own.out;
  }
  EXPECT_EQ(qat({"--version"}).out.substr(0, 4), "qat ");
}

TEST(Usage, HelpTakesUnderTwentyMilliseconds) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers take time of their own";
#endif
  double best = 1;
  for (int i = 0; i < 20; ++i) best = std::min(best, qat({"--help"}).seconds);
  EXPECT_LT(best, 0.020);
}

TEST(Usage, WrongCommandsFlagsAndKeys) {
  EXPECT_TRUE(fails_with(qat({}), 2, "`qat --help`"));
  EXPECT_TRUE(fails_with(qat({"evaluate"}), 2, "unknown command 'evaluate'"));
  EXPECT_TRUE(fails_with(qat({"train", "--resum"}), 2, "did you mean --resume?"));
  EXPECT_TRUE(fails_with(qat({"train", "TRAIN.LRR", "1"}), 2, "did you mean TRAIN.LR?"));
  EXPECT_TRUE(fails_with(qat({"train", "TRAIN.LR", "fast"}), 2, "expected a number > 0, got 'fast'"));
  EXPECT_TRUE(fails_with(qat({"train", "train.lr", "1"}), 2, "did you mean TRAIN.LR?"));
  EXPECT_TRUE(fails_with(qat({"eval"}), 2, "EVAL.MODEL"));
  EXPECT_TRUE(fails_with(qat({"eval", "model.h5"}), 2, ".safetensors, .onnx and .engine"));
  EXPECT_TRUE(fails_with(qat({"compare", "a.pth"}), 2, "qat compare A B"));
  if (can_train()) {
    EXPECT_TRUE(fails_with(qat({"train", "MODEL.NET", "resnet19", "DATA.PATH", "/"}), 2, "resnet18"));
  }
}

TEST(Usage, WrongConfigurationsNameFileAndLine) {
  const Folder folder;
  const fs::path file = folder.path / "a.yaml";
  std::ofstream(file) << "TRAIN:\n  EPOCHS: 1\n  BATCHES: 5\n";
  EXPECT_TRUE(fails_with(qat({"train", "--config", file}), 2,
                         "a.yaml:3: unknown key TRAIN.BATCHES; did you mean TRAIN.BATCH?"));
  std::ofstream(file) << "DATA:\n  FLIP: maybe\n";
  EXPECT_TRUE(fails_with(qat({"config", "--config", file}), 2, "a.yaml:2: DATA.FLIP: expected true or false"));
  EXPECT_TRUE(fails_with(qat({"config", "--config", folder.path / "none.yaml"}), 7, "none.yaml"));
  EXPECT_TRUE(fails_with(qat({"config", "--config", folder.path}), 7, folder.path.string()));
}

TEST(Usage, MissingFilesSayWhichCommandMakesThem) {
  const Folder folder;
  const RunOptions there{.folder = folder.path};
  if (can_train()) {
    EXPECT_TRUE(fails_with(qat({"calibrate"}, there), 7, "run `qat train` first"));
    EXPECT_TRUE(fails_with(qat({"train", "DATA.PATH", "nowhere"}, there), 7, "nowhere"));
  }
  EXPECT_TRUE(fails_with(qat({"convert"}, there), 7, "run `qat calibrate` first"));
  EXPECT_TRUE(fails_with(qat({"build"}, there), 7, "run `qat convert` first"));
  EXPECT_TRUE(fails_with(qat({"bench"}, there), 7, "run `qat build` first"));
  EXPECT_TRUE(fails_with(qat({"report"}, there), 7, "run `qat eval`"));
  for (const char* name : {"none.pth", "none.onnx", "none.engine", "none.safetensors", "none", "none.h5"}) {
    EXPECT_TRUE(fails_with(qat({"inspect", name}, there), 7, name));
  }
  for (const auto& entry : fs::recursive_directory_iterator(folder.path)) {
    EXPECT_TRUE(entry.is_directory()) << "a failed command left " << entry.path();
  }
}

// Before the model is read: these are none.
TEST(Usage, OutputsThatCannotBeWrittenAreNamedBeforeTheWork) {
  const Folder folder;
  const RunOptions there{.folder = folder.path};
  for (const char* name : {"a.onnx", "a.engine", "a.pth"}) std::ofstream(folder.path / name) << "x";
  fs::create_directories(folder.path / "taken");
  for (const char* output : {"taken", "a.pth/below", "/proc/none/x"}) {
    const std::string place = output;
    EXPECT_TRUE(fails_with(qat({"build", "--onnx=a.onnx", "--saveEngine=" + place}, there), 7, place));
    EXPECT_TRUE(fails_with(qat({"bench", "--onnx=a.onnx", "--saveEngine=" + place}, there), 7, place));
    EXPECT_TRUE(fails_with(qat({"convert", "--checkpoint=a.pth", "--output=" + place}, there), 7, place));
    for (const char* flag : {"--exportTimes=", "--exportProfile=", "--exportLayerInfo="})
      EXPECT_TRUE(fails_with(qat({"bench", "a.engine", flag + place}, there), 7, place));
  }
  for (const char* outputs : {"OUTPUTS=a.pth/below", "OUTPUTS=/proc/none"})
    EXPECT_TRUE(fails_with(qat({"bench", "--onnx=a.onnx", outputs}, there), 7, "results.jsonl"));
}

TEST(Usage, RefusedCommandsLeaveNoFolders) {
  const Folder folder;
  const RunOptions there{.folder = folder.path};
  for (const char* name : {"a.onnx", "a.engine", "a.pth"}) std::ofstream(folder.path / name) << "x";
  EXPECT_TRUE(fails_with(qat({"convert", "--checkpoint=a.pth", "--output=new/deep/x.onnx"}, there), 3, "a.pth"));
  EXPECT_TRUE(fails_with(qat({"build", "--onnx=a.onnx", "--saveEngine=new/deep/x.engine"}, there), 3, "a.onnx"));
  EXPECT_TRUE(fails_with(qat({"bench", "--onnx=a.onnx", "--saveEngine=new/x.engine"}, there), 3, "a.onnx"));
  EXPECT_TRUE(fails_with(qat({"bench", "a.engine"}, there), 3, "a.engine"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path), {}), 3);
}

// They would be taken for what the figures are of.
TEST(Usage, AnEngineIsTimedAsItWasBuilt) {
  const Folder folder;
  std::ofstream(folder.path / "a.engine") << "x";
  const auto refused = [&](std::vector<std::string> words, const std::string& text) {
    words.insert(words.begin(), "bench");
    return fails_with(qat(words, {.folder = folder.path}), 2, text);
  };
  EXPECT_TRUE(
      refused({"a.engine", "--int8"}, "BUILD.PRECISION (--fp32, --fp16, --bf16, --int8, --best) is for building"));
  EXPECT_TRUE(refused({"a.engine", "--disable-pass=winograd"}, "a.engine is built: leave it out, or give --onnx=FILE"));
  EXPECT_TRUE(refused({"--loadEngine=a.engine", "BUILD.INPUT=u8_nhwc"}, "BUILD.INPUT is for building"));
  EXPECT_TRUE(refused({"a.engine", "--onnx=a.onnx"}, "BUILD.ONNX (--onnx)"));
  EXPECT_TRUE(refused({"a.engine", "--saveEngine=b.engine"}, "BUILD.ENGINE (--saveEngine)"));
  // Without one named, BUILD.ENGINE names it: read, and no engine.
  EXPECT_TRUE(fails_with(qat({"bench", "--saveEngine=a.engine"}, {.folder = folder.path}), 3, "not an engine file"));
}

TEST(Usage, GarbageInEveryFormatIsABadFile) {
  const Folder folder;
  for (const char* name : {"a.pth", "a.onnx", "a.engine", "a.safetensors"}) {
    for (const std::string& content :
         {std::string(), std::string("x"), std::string(5000, '\xff'), std::string(300, '\0')}) {
      std::ofstream(folder.path / name) << content;
      EXPECT_TRUE(fails_with(qat({"inspect", folder.path / name}), 3, name)) << content.size() << " bytes";
    }
  }
}

TEST(Usage, ResultsGoToStdoutTheRestToStderr) {
  const Outcome json = qat({"config", "--json", "TRAIN.LR=0.5"});
  EXPECT_EQ(json.code, 0);
  EXPECT_EQ(json.err, "");
  EXPECT_EQ(json.out.front(), '{');
  EXPECT_EQ(std::count(json.out.begin(), json.out.end(), '\n'), 1);
  EXPECT_NE(json.out.find(R"("key":"TRAIN.LR","value":0.5,"default":0.1,"type":"float")"), std::string::npos);
  EXPECT_NE(json.out.find(R"("key":"TRAIN.STEPS","value":[],)"), std::string::npos);
  EXPECT_NE(json.out.find(R"("key":"DATA.FLIP","value":false,)"), std::string::npos);
  EXPECT_EQ(json.out.find('\033'), std::string::npos);
}

TEST(Usage, FullDiskAndClosedPipeOnStdout) {
  EXPECT_TRUE(fails_with(qat({"config"}, {.stdout_to = "/dev/full"}), 7, "No space left"));
  const Outcome closed = run({"bash", "-c", std::string(QAT_BINARY) + " config | true; exit ${PIPESTATUS[0]}"});
  EXPECT_EQ(closed.code, 0);
  EXPECT_EQ(closed.err, "");
}

TEST(Usage, ConfigRoundTripsThroughYaml) {
  const Folder folder;
  const Outcome yaml = qat({"config", "--yaml", "TRAIN.LR=0.125", "DATA.MEAN=[0.1,0.2,0.3]", "DATA.STD=1,1,1"});
  std::ofstream(folder.path / "b.yaml") << yaml.out;
  EXPECT_EQ(qat({"config", "--yaml", "--config", folder.path / "b.yaml"}).out, yaml.out);
}

TEST(Usage, GpuEnginesNeedAGpu) {
  const Folder folder;
  std::ofstream(folder.path / "a.onnx") << "x";
  const RunOptions without{.folder = folder.path, .env = {{"CUDA_VISIBLE_DEVICES", ""}}};
  for (const char* device : {"--device=cuda", "BUILD.DEVICE=cuda"}) {
    EXPECT_TRUE(fails_with(qat({"build", "--onnx=a.onnx", device}, without), 5, "GPU"));
  }
}

TEST(Usage, TensorrtBackendWithoutTrtexecSaysSo) {
  const Folder folder;
  std::ofstream(folder.path / "a.onnx") << "x";
  const Outcome outcome =
      qat({"build", "--backend=tensorrt", "--onnx=a.onnx"}, {.folder = folder.path, .env = {{"PATH", "/nowhere"}}});
  EXPECT_TRUE(fails_with(outcome, 1, "trtexec is not in PATH"));
}

}  // namespace
}  // namespace qat::e2e
