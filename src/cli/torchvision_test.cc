// Float logits of LibTorch's checkpoint and of the fp32 engine against torchvision's own models with the same file.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <sstream>

#include "engine/compile/build.h"
#include "eval/engine_classifier.h"
#include "io/pth/pth.h"
#include "io/python_judge.h"
#include "io/state_dict.h"
#include "ir/random_graph.h"
#include "train/train.h"
#include "zoo/zoo.h"

namespace qat::cli {
namespace {

// Loads each state dict strictly; a line for each answer: network, whose, largest difference / largest logit.
constexpr const char* kJudge = R"(
import torch, torchvision
for net, c in torch.load("nets.pth").items():
    model = torchvision.models.get_model(net, num_classes=c["checkpoint"].shape[1]).eval().double()
    model.load_state_dict(c["state"], strict=True)
    with torch.no_grad(): want = model(c["x"].double())
    assert want.std() > 1e-3, (net, "the logits say nothing")
    for whose in ("checkpoint", "engine"):
        print(net, whose, ((want - c[whose]).abs().max() / want.abs().max()).item())
)";

io::PyValue answers(const std::string& net) {
  const bool fixed = net.starts_with("vgg");  // its Gemms know one size only
  const Shape shape = fixed ? Shape{1, 3, 224, 224} : Shape{2, 3, 65, 81};
  zoo::NetOptions options{.classes = 13};
  if (fixed) options.height = shape[2], options.width = shape[3];
  ir::Graph graph = zoo::build(net, options);
  ir::randomize(graph);
  io::PyDict state;
  for (auto& [key, tensor] : io::state_dict(graph)) state.emplace_back(key, io::PyValue{tensor.clone()});

  const Tensor x = ir::random_tensor(shape, 5, -2, 2);
  const engine::InputShape extents{shape[0], shape[1], shape[2], shape[3]};
  engine::BuildRequest request{.graph = ir::clone(graph), .profile = {extents, extents, extents}};
  request.precision = "fp32";
  request.tactic_seconds = 0;
  const Tensor engine = eval::open_engine(engine::build(std::move(request)).plan, eval::EngineOptions{})->logits(x);
  const Tensor checkpoint = train::train_plugin().classifier(std::move(graph), train::Where{})->logits(x);
  return {io::PyDict{{"state", {std::move(state)}}, {"x", {x}}, {"engine", {engine}}, {"checkpoint", {checkpoint}}}};
}

// BN's parameters are random, negative and zero gammas among them. QAT_SLOW_TESTS=1: all that torchvision has.
TEST(Torchvision, LogitsOfCheckpointAndEngine) {
  if (!QAT_HAS_TRAIN) GTEST_SKIP() << "the training plugin is not built";
  if (!testing::has_python()) GTEST_SKIP() << "no " << testing::python();
  std::vector<std::string> nets{"resnet50", "mobilenet_v2"};
  const char* slow = std::getenv("QAT_SLOW_TESTS");
  if (slow != nullptr && std::string(slow) == "1") {
    nets = {"resnet18",        "resnet34",        "resnet50", "resnet101",   "resnet152",
            "wide_resnet50_2", "resnext50_32x4d", "vgg16_bn", "mobilenet_v2"};
  }
  for (const std::string& name : nets) {
    const testing::TempFolder folder;
    io::write_pth(folder / "nets.pth", {io::PyDict{{name, answers(name)}}});
    const std::string output = testing::run_python(folder, kJudge);
    std::istringstream lines(output);
    std::string net, whose;
    double worst = 0;
    for (int line = 0; line < 2; ++line) {
      ASSERT_TRUE(lines >> net >> whose >> worst) << output;
      EXPECT_LE(worst, 1e-4) << net << ", " << whose;
      std::cout << net << " " << whose << ": max difference / max logit " << worst << "\n";
    }
  }
}

}  // namespace
}  // namespace qat::cli
