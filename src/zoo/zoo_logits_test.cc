// Logits of the zoo's networks, float, against torchvision's own models with the same weights.
#include <gtest/gtest.h>

#include "io/pth/pth.h"
#include "io/python_judge.h"
#include "io/state_dict.h"
#include "ir/interpret.h"
#include "ir/random_graph.h"
#include "zoo/zoo.h"

namespace qat::zoo {
namespace {

// Prints what is wrong; the state dict must load strictly.
constexpr const char* kJudge = R"(
import torch, torchvision
for net, c in torch.load("nets.pth").items():
    model = torchvision.models.get_model(net, num_classes=c["logits"].shape[1]).eval().double()
    model.load_state_dict(c["state"], strict=True)
    with torch.no_grad(): want = model(c["x"].double())
    worst = ((want - c["logits"]).abs().max() / want.abs().max()).item()
    if not worst <= 1e-5: print(net, "max difference / max logit", worst)
    if want.abs().max() < 1e-3 or want.std() < 1e-4: print(net, "the logits say nothing", want)
)";

TEST(Zoo, LogitsEqualTorchvision) {
  if (!testing::has_python()) GTEST_SKIP() << "no " << testing::python();
  const testing::TempFolder folder;
  io::PyDict file;
  for (const char* net : {"resnet18", "resnext50_32x4d", "mobilenet_v2"}) {
    ir::Graph graph = build(net, {.classes = 13});
    ir::randomize(graph);
    const Tensor x = ir::random_tensor({2, 3, 33, 49}, 5, -2, 2);
    io::PyDict state;
    for (auto& [key, tensor] : io::state_dict(graph)) state.emplace_back(key, io::PyValue{tensor});
    file.emplace_back(net, io::PyValue{io::PyDict{
                               {"state", {std::move(state)}},
                               {"x", {x}},
                               {"logits", {ir::interpret(graph, {x}).outputs.at(0)}},
                           }});
  }
  io::write_pth(folder / "nets.pth", {std::move(file)});
  EXPECT_EQ(testing::run_python(folder, kJudge), "");
}

}  // namespace
}  // namespace qat::zoo
