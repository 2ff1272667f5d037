// Engines in comparisons: what their steps are called, in how many runs, and Ctrl-C.
#include "eval/compare.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "base/random.h"
#include "base/text.h"
#include "cli/compare_side.h"
#include "cli/interrupt.h"
#include "cli/run.h"
#include "engine/compile/build.h"
#include "engine/plan/file.h"
#include "ir/interpret.h"

namespace qat::cli {
namespace {

namespace fs = std::filesystem;
using ir::Op;
using ir::ValueId;

Tensor random_values(Shape shape, uint64_t seed) {
  Tensor t(DType::kF32, std::move(shape));
  Random random(seed);
  for (float& x : t.data<float>()) x = static_cast<float>(random.uniform(-1, 1));
  return t;
}

// A block as ONNX Runtime quantizes it: the convolution's result is stored before the Add. out: its quantized sum.
ir::Graph block(ValueId* out = nullptr) {
  ir::Graph graph;
  graph.name = "block";
  const auto fake_quant = [&graph](const std::string& name, ValueId value, float amax, int lo = -128) {
    const ValueId range = graph.add_buffer(name + "._amax", Tensor::from<float>({amax}, {1}));
    return graph.add_node(Op::kFakeQuant, name, {value, range}, ir::FakeQuantAttrs{.lo = lo});
  };
  const ValueId x = fake_quant("q0", graph.add_input("input", {ir::kDynamic, 3, ir::kDynamic, ir::kDynamic}), 1);
  const ValueId weight = fake_quant("qw", graph.add_parameter("conv.weight", random_values({3, 3, 1, 1}, 1)), 1, -127);
  const ValueId conv = fake_quant("q1", graph.add_node(Op::kConv, "conv", {x, weight}, ir::ConvAttrs{}), 2);
  const ValueId sum = graph.add_node(Op::kRelu, "relu", {graph.add_node(Op::kAdd, "add", {conv, x})});
  const ValueId y = fake_quant("q2", sum, 3);
  if (out != nullptr) *out = y;
  const ValueId pool = graph.add_node(Op::kGlobalAvgPool, "pool", {y});
  graph.outputs = {graph.add_node(Op::kFlatten, "output", {pool}, ir::AxisAttrs{})};
  graph.metadata = {{"mean", "0.5,0.5,0.5"}, {"std", "0.5,0.5,0.5"}};
  return graph;
}

// The engine file of the block for batches of min to max, removed at the end.
struct EngineFile {
  EngineFile(int64_t min, int64_t max) : path(fs::temp_directory_path() / cat("qat_compare_", getpid(), ".engine")) {
    engine::BuildRequest request{
        .graph = block(), .profile = {{min, 3, 5, 7}, {max, 3, 5, 7}, {max, 3, 5, 7}}, .precision = "int8"};
    request.tactic_seconds = 0;
    engine::save_plan(path, engine::build(std::move(request)).plan);
  }
  ~EngineFile() { fs::remove(path); }
  fs::path path;
};

TEST(Compare, AStepThatTookAnAddIsCalledAfterItsLastPart) {
  const EngineFile file(1, 2);
  Side side = open_side(file.path, {});
  const Tensor images = random_values({2, 3, 5, 7}, 2);
  const std::map<std::string, Tensor> layers = layers_of(side, images);
  EXPECT_FALSE(layers.contains("conv"));
  ASSERT_TRUE(layers.contains("relu"));
  ValueId sum = ir::kNone;
  ir::Graph graph = block(&sum);
  graph.outputs = {sum};
  const Tensor expected = ir::interpret(graph, {images}).outputs.at(0);
  EXPECT_GT(eval::difference(expected, layers.at("relu")).cosine, 0.9999);
}

// Five images in batches of two, of which the last is filled up: as in one batch.
TEST(Compare, MoreImagesThanTheProfileTakesAtOnce) {
  const Tensor images = random_values({5, 3, 5, 7}, 2);
  std::map<std::string, Tensor> whole;
  {
    const EngineFile file(1, 8);
    Side side = open_side(file.path, {});
    whole = layers_of(side, images);
  }
  const EngineFile file(2, 2);
  Side side = open_side(file.path, {});
  const std::map<std::string, Tensor> parts = layers_of(side, images);
  ASSERT_EQ(parts.size(), whole.size());
  for (const auto& [name, tensor] : parts) {
    ASSERT_EQ(tensor.shape(), whole.at(name).shape()) << name;
    EXPECT_EQ(eval::difference(tensor, whole.at(name)).max_abs, 0) << name;
  }
}

TEST(CompareDeathTest, CtrlCEndsItAndSavesNothing) {
  const EngineFile file(1, 2);
  const auto compare = [&file] {
    watch_signals();
    raise(SIGINT);
    const std::string path = file.path.string();
    const char* words[] = {"qat", "compare", path.c_str(), path.c_str(), "DATA.SIZE=7"};
    _exit(run(5, words));
  };
  EXPECT_EXIT(compare(), testing::ExitedWithCode(kInterruptedExit),
              "stopping; once more to quit at once\nqat: \\[compare\\] interrupted\n$");
  const auto save = [] {
    watch_signals();
    saves_when_interrupted();
    raise(SIGINT);
    _exit(interrupted() ? 7 : 0);
  };
  EXPECT_EXIT(save(), testing::ExitedWithCode(7), "saving; once more to quit at once");
}

}  // namespace
}  // namespace qat::cli
