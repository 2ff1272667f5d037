// What eval, bench and compare say of the models that they are given, and at Ctrl-C.
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/random.h"
#include "cli/interrupt.h"
#include "cli/test_run.h"
#include "engine/compile/build.h"
#include "engine/plan/file.h"
#include "io/onnx/onnx.h"

namespace qat::cli {
namespace {

namespace fs = std::filesystem;
using test::fails_with;
using test::Outcome;
using test::run_words;

// A float classifier of one convolution, for images of any size.
ir::Graph small_graph(int64_t channels) {
  Random random(5);
  const auto values = [&random](Shape shape) {
    Tensor t(DType::kF32, std::move(shape));
    for (float& x : t.data<float>()) x = static_cast<float>(random.uniform(-0.5, 0.5));
    return t;
  };
  ir::Graph graph;
  graph.name = "small";
  const auto x = graph.add_input("input", {ir::kDynamic, channels, ir::kDynamic, ir::kDynamic});
  const auto weight = graph.add_parameter("conv.weight", values({4, channels, 1, 1}));
  const auto conv = graph.add_node(ir::Op::kConv, "conv", {x, weight}, ir::ConvAttrs{});
  const auto pool = graph.add_node(ir::Op::kGlobalAvgPool, "pool", {graph.add_node(ir::Op::kRelu, "relu", {conv})});
  graph.outputs = {graph.add_node(ir::Op::kFlatten, "output", {pool}, ir::AxisAttrs{})};
  graph.metadata = {{"mean", "0.5"}, {"std", "0.5"}};
  return graph;
}

class Models : public testing::Test {
 protected:
  Models() { fs::create_directories(folder_); }
  ~Models() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::string engine(const std::string& name, ir::Graph graph, int64_t channels = 1) const {
    const engine::InputShape shape{1, channels, 4, 4};
    engine::BuildRequest request{.graph = std::move(graph), .profile = {shape, shape, shape}, .precision = "fp32"};
    request.tactic_seconds = 0;
    engine::save_plan(path(name), engine::build(std::move(request)).plan);
    return path(name);
  }

  // Eight grey test images of 4x4 pixels.
  std::string data() const {
    const auto put = [this](const char* name, std::string bytes, size_t count) {
      bytes.resize(bytes.size() + count);
      std::ofstream(folder_ / name, std::ios::binary) << bytes;
    };
    put("t10k-images-idx3-ubyte", std::string("\0\0\x08\x03\0\0\0\x08\0\0\0\x04\0\0\0\x04", 16), 8 * 16);
    put("t10k-labels-idx1-ubyte", std::string("\0\0\x08\x01\0\0\0\x08", 8), 8);
    return "DATA.PATH=" + folder_.string();
  }

  // Exits as the shell would see it.
  [[noreturn]] void interrupted_command(std::vector<const char*> words) const {
    watch_signals();
    raise(SIGINT);
    words.insert(words.begin(), "qat");
    _exit(run(static_cast<int>(words.size()), words.data()));
  }

  const fs::path folder_ = fs::path(testing::TempDir()) / cat("qat_models_", getpid());
};

TEST_F(Models, ANormalizationOfBytesIsRefusedByTheFilesName) {
  ir::Graph graph = small_graph(1);
  graph.metadata = {{"mean", "127.5"}, {"std", "64"}};
  const std::string file = engine("a.engine", graph);
  EXPECT_TRUE(fails_with(run_words({"eval", file}), 3, file + ": its mean [127.5] and deviation [64]"));
  // The command line's take their place, and then there are no data.
  EXPECT_TRUE(fails_with(
      run_words({"eval", file, "MODEL.IN_CHANNELS=1", "DATA.MEAN=0.5", "DATA.STD=0.25", "DATA.PATH=" + path("none")}),
      7, "none"));
  // Where pictures are normalized within the engine, it is not built.
  io::onnx().write(path("a.onnx"), graph, {});
  const Outcome built = run_words({"build", "--onnx=" + path("a.onnx"), "--saveEngine=" + path("b.engine"),
                                   "--shapes=1x1x4x4", "--fp32", "BUILD.INPUT=u8_nhwc"});
  EXPECT_TRUE(fails_with(built, 3, path("a.onnx") + ": [graph "));
  EXPECT_FALSE(fs::exists(path("b.engine")));
  if (!QAT_HAS_TRAIN) return;
  EXPECT_TRUE(fails_with(run_words({"calibrate", "MODEL.ONNX=" + path("a.onnx"), "OUTPUTS=" + path("out"), "--quiet"}),
                         3, path("a.onnx") + ": its mean [127.5] and deviation [64]"));
}

// With a checksum that fits: the images' way back to pictures would read beyond the values that there are.
TEST_F(Models, AnEngineOfPicturesWithoutItsNormalizationIsRefused) {
  engine::BuildRequest request{.graph = small_graph(3), .precision = "fp32", .input = engine::InputMode::kU8Nhwc};
  request.profile = {{1, 3, 4, 4}, {1, 3, 4, 4}, {1, 3, 4, 4}};
  request.tactic_seconds = 0;
  engine::Plan plan = engine::build(std::move(request)).plan;
  const std::string file = path("a.engine");
  const auto compared = [&] {
    engine::save_plan(file, plan);
    return run_words({"compare", file, file, "DATA.SIZE=4"});
  };
  const Outcome whole = compared();
  EXPECT_EQ(whole.code, 0) << whole.err;
  plan.metadata["mean"] = "0.5,0.5";
  EXPECT_TRUE(fails_with(compared(), 3, file + ": [engine] metadata: mean: expected a value for each of 3 channels"));
  plan.metadata.erase("mean");
  EXPECT_TRUE(fails_with(compared(), 3, file + ": [engine] metadata: mean: expected a value for each of 3 channels"));
}

// The noise that models are compared on has the channels that they take.
TEST_F(Models, ComparedImagesHaveTheModelsChannels) {
  const std::string grey = engine("grey.engine", small_graph(1)), colour = engine("colour.engine", small_graph(3), 3);
  const Outcome same = run_words({"compare", grey, grey, "DATA.SIZE=4"});
  EXPECT_EQ(same.code, 0) << same.err;
  const Outcome other = run_words({"compare", colour, colour, "DATA.SIZE=4", "MODEL.IN_CHANNELS=1"});
  EXPECT_EQ(other.code, 0) << other.err;
  EXPECT_TRUE(fails_with(run_words({"compare", grey, colour, "DATA.SIZE=4"}), 2,
                         grey + " takes images of 1 channel, " + colour + " takes images of 3 channels; compare"));
  if (!QAT_HAS_TRAIN) return;
  io::onnx().write(path("grey.onnx"), small_graph(1), {});
  const Outcome file = run_words({"compare", path("grey.onnx"), grey, "DATA.SIZE=4"});
  EXPECT_EQ(file.code, 0) << file.err;
}

// The figures would be taken for those of the other.
TEST_F(Models, OfTwoNoneIsDropped) {
  EXPECT_TRUE(fails_with(run_words({"bench", "a.engine", "--loadEngine=b.engine"}), 2,
                         "two engines: a.engine and --loadEngine=b.engine; give the one to time"));
  EXPECT_TRUE(fails_with(run_words({"eval", "a.engine", "EVAL.MODEL=b.engine"}), 2,
                         "two models: a.engine and EVAL.MODEL=b.engine; give the one to evaluate"));
  // The same one twice is one.
  const std::string file = path("a.engine");
  EXPECT_TRUE(fails_with(run_words({"bench", file, "--loadEngine=" + file}), 7, file));
  EXPECT_TRUE(fails_with(run_words({"eval", file, "EVAL.MODEL=" + file}), 7, file));
  // What a configuration file says is meant for where the command line says nothing.
  std::ofstream(path("a.yaml")) << "EVAL: {MODEL: b.engine}\n";
  EXPECT_TRUE(fails_with(run_words({"eval", file, "--config", path("a.yaml")}), 7, file));
}

TEST_F(Models, AnotherKindOfFileIsToldTheWay) {
  for (const char* name : {"a.onnx", "a.pth", "a.safetensors"}) std::ofstream(folder_ / name) << "x";
  const std::string onnx = path("a.onnx"), pth = path("a.pth"), weights = path("a.safetensors");
  EXPECT_TRUE(fails_with(run_words({"bench", onnx}), 2, onnx + " is no engine; `qat bench --onnx=" + onnx + "`"));
  EXPECT_TRUE(fails_with(run_words({"bench", "--loadEngine=" + onnx}), 2, "`qat bench --onnx=" + onnx + "`"));
  EXPECT_TRUE(fails_with(run_words({"bench", pth}), 2, "`qat convert --checkpoint=" + pth + "` makes the ONNX file"));
  for (const std::string& file : {pth, weights}) {
    const std::string way = cat(file, " is a checkpoint; `qat convert --checkpoint=", file, "` makes the ONNX file");
    EXPECT_TRUE(fails_with(run_words({"build", "--onnx=" + file}), 2, way));
    EXPECT_TRUE(fails_with(run_words({"build", "--onnx=" + file, "--backend=tensorrt"}), 2, way));
    EXPECT_TRUE(fails_with(run_words({"bench", "--onnx=" + file}), 2, way));
  }
}

TEST_F(Models, AnEngineOfTheCpuIsNotTimedOnAGpu) {
  const std::string file = engine("a.engine", small_graph(1));
  EXPECT_TRUE(fails_with(run_words({"bench", file, "--device=cuda", "OUTPUTS=" + path("out")}), 2,
                         file + " is an engine for a CPU; leave --device=cuda out, or build one for it"));
}

TEST_F(Models, ExportsOfBenchMakeTheirFolders) {
  const std::string file = engine("a.engine", small_graph(1));
  const Outcome outcome = run_words({"bench", file, "--duration=0", "--warmUp=0", "--iterations=1",
                                     "--exportTimes=" + path("new/times.json"), "OUTPUTS=" + path("out")});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(fs::exists(folder_ / "new" / "times.json"));
  // Where no folder can be made, that is told before the work.
  const Outcome refused = run_words({"bench", file, "--exportTimes=" + file + "/times.json", "OUTPUTS=" + path("out")});
  EXPECT_TRUE(fails_with(refused, 7, file + "/times.json"));
}

TEST_F(Models, ATimingCacheThatCannotBeKeptIsToldBeforeTheBuild) {
  io::onnx().write(path("a.onnx"), small_graph(1), {});
  const auto built = [this](const std::string& precision) {
    return run_words({"build", "--onnx=" + path("a.onnx"), "--saveEngine=" + path("a.engine"), "--shapes=1x1x4x4",
                      precision, "--timingCacheFile=" + path("none/timing.cache")});
  };
  const std::string note = "note: what this build measures, if anything, is not kept: ";
  const Outcome best = built("--best");
  EXPECT_EQ(best.code, 0) << best.err;
  EXPECT_EQ(best.err.find(note), 0u) << best.err;
  EXPECT_EQ(best.err.rfind(note), 0u) << best.err;
  // In float nothing is measured.
  const Outcome plain = built("--fp32");
  EXPECT_EQ(plain.code, 0) << plain.err;
  EXPECT_EQ(plain.err.find("not kept"), std::string::npos) << plain.err;
}

using ModelsDeathTest = Models;

TEST_F(ModelsDeathTest, CtrlCIsTheLastLine) {
  const std::string file = engine("a.engine", small_graph(1)), images = data(), outputs = "OUTPUTS=" + path("out");
  EXPECT_EXIT(interrupted_command({"eval", file.c_str(), images.c_str(), outputs.c_str(), "--quiet"}),
              testing::ExitedWithCode(kInterruptedExit),
              "at once\nqat: \\[eval\\] interrupted; nothing was recorded\n$");
  EXPECT_EXIT(interrupted_command({"bench", file.c_str(), outputs.c_str(), "--quiet"}),
              testing::ExitedWithCode(kInterruptedExit),
              "at once\nqat: \\[bench\\] interrupted; nothing was recorded\n$");
  EXPECT_FALSE(fs::exists(path("out")));
  EXPECT_EXIT(interrupted_command({"inspect", file.c_str()}), testing::ExitedWithCode(0), "at once\n$")
      << "what is done when Ctrl-C takes effect is no failure";
}

}  // namespace
}  // namespace qat::cli
