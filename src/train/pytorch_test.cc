// Gradients, running statistics and optimizer steps against PyTorch, float and with fake quantization.
#include <gtest/gtest.h>

#include "io/pth/pth.h"
#include "io/python_judge.h"
#include "io/state_dict.h"
#include "ir/random_graph.h"
#include "quant/placement.h"
#include "train/graph_module.h"
#include "train/optimizer.h"
#include "zoo/zoo.h"

namespace qat::train {
namespace {

// A resnet8 as functions of its state dict; fq is the identity for the float case.
constexpr const char* kJudge = R"(
import torch, torch.nn.functional as F
class Round(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return torch.round(x)
    @staticmethod
    def backward(ctx, g): return g
def fake(x, amax, lo):
    s = amax / 127
    return torch.clamp(Round.apply(x / s), lo, 127) * s
for name, case in torch.load("cases.pth").items():
    state = {k: v.clone() for k, v in case["state"].items()}
    p = {k: v.requires_grad_() for k, v in state.items() if v.is_floating_point() and "running" not in k and "amax" not in k}
    def fx(layer, x):
        k = layer + "._input_quantizer._amax"
        return fake(x, state[k], -128) if k in state else x
    def fw(layer):
        w = state[layer + ".weight"]
        if layer + "._weight_quantizer._amax" not in state: return w
        return fake(w, w.detach().abs().flatten(1).amax(1).view([-1] + [1] * (w.dim() - 1)), -127)
    def conv(layer, x, stride=1, pad=1): return F.conv2d(fx(layer, x), fw(layer), stride=stride, padding=pad)
    def bn(layer, x):
        return F.batch_norm(x, state[layer + ".running_mean"], state[layer + ".running_var"], state[layer + ".weight"],
                            state[layer + ".bias"], training=not case["frozen"], momentum=0.1)
    def block(name, x, stride):
        y = F.relu(bn(name + ".bn1", conv(name + ".conv1", x, stride)))
        y = bn(name + ".bn2", conv(name + ".conv2", y))
        if name + ".downsample.0.weight" in state:
            x = bn(name + ".downsample.1", conv(name + ".downsample.0", x, stride, 0))
        k = name + ".residual_quantizer._amax"
        return F.relu(y + (fake(x, state[k], -128) if k in state else x))
    x = F.relu(bn("bn1", conv("conv1", case["x"])))
    for i, s in ((1, 1), (2, 2), (3, 2)): x = block(f"layer{i}.0", x, s)
    x = fx("avgpool", x).mean((2, 3), keepdim=True).flatten(1)
    loss = F.cross_entropy(F.linear(fx("fc", x), fw("fc"), state["fc.bias"]), case["y"], label_smoothing=0.1)
    loss.backward()
    if abs(loss.item() - case["loss"].item()) > case["limit"].item() * abs(loss.item()): print(name, "loss", loss.item(), case["loss"].item())
    if set(p) != set(case["gradients"]): print(name, "gradients of", set(p) ^ set(case["gradients"]))
    for k, got in case["gradients"].items():
        want = p[k].grad
        off = ((got.view_as(want) - want).norm() / (want.norm() + 1e-7)).item()
        if not off <= case["limit"].item(): print(name, "gradient of", k, "relative distance", off)
    for k, got in case["buffers"].items():
        if not torch.allclose(got, state[k], rtol=1e-4, atol=1e-5): print(name, k, (got - state[k]).abs().max().item())
)";

io::PyValue py(Tensor t) {
  io::PyValue value;
  value.data = std::move(t);
  return value;
}

io::PyValue py(io::PyDict d) {
  io::PyValue value;
  value.data = std::move(d);
  return value;
}

struct Setup {
  bool quantized = false, frozen = false;
  float limit = 2e-4f;
};

io::PyDict step_case(const Setup& setup) {
  ir::Graph graph = zoo::build("resnet8", {.in_channels = 1, .classes = 10});
  ir::randomize(graph);
  if (setup.quantized) {
    graph = quant::place(graph, {});
    for (ir::NodeId id : quant::activation_quantizers(graph)) {
      graph.value(graph.nodes[static_cast<size_t>(id)].inputs[1]).data.data<float>()[0] = 2.5f;  // some are clamped
    }
  }
  GraphModule module(std::move(graph), {.weight_ranges = WeightRangeMode::kStep});
  module.weights_changed();
  io::PyDict state, gradients, buffers;
  for (auto& [key, tensor] : io::state_dict(module.graph())) state.emplace_back(key, py(tensor.clone()));
  const Tensor x = ir::random_tensor({6, 1, 13, 11}, 3, -2, 2);
  const std::vector<int64_t> labels{3, 1, 4, 1, 5, 9};
  const StepResult result =
      module.train_step({.images = x, .labels = labels, .label_smoothing = 0.1f, .freeze_bn = setup.frozen});
  for (const ParamView& p : module.parameters()) {
    gradients.emplace_back(p.name, py(Tensor::from(std::vector<float>(p.gradient.begin(), p.gradient.end()),
                                                   {static_cast<int64_t>(p.gradient.size())})));
  }
  for (const auto& [key, tensor] : io::state_dict(module.graph())) {
    if (key.find("running") != std::string::npos) buffers.emplace_back(key, py(tensor.clone()));
  }
  return {{"state", py(std::move(state))},
          {"x", py(x)},
          {"y", py(Tensor::from(labels, {6}))},
          {"frozen", py(Tensor::from<int64_t>({setup.frozen ? 1 : 0}, {}))},
          {"limit", py(Tensor::from<float>({setup.limit}, {}))},
          {"loss", py(Tensor::from<float>({static_cast<float>(result.loss)}, {}))},
          {"gradients", py(std::move(gradients))},
          {"buffers", py(std::move(buffers))}};
}

TEST(PyTorch, GradientsAndStatisticsOfAStep) {
  if (!testing::has_python()) GTEST_SKIP() << "no " << testing::python();
  const testing::TempFolder folder;
  io::PyDict cases;
  cases.emplace_back("float", py(step_case({})));
  cases.emplace_back("frozen", py(step_case({.frozen = true})));
  // A value within an ulp of a tie may round the other way: its gradient then passes through another step.
  cases.emplace_back("fake quantization", py(step_case({.quantized = true, .limit = 2e-2f})));
  cases.emplace_back("fake quantization, frozen", py(step_case({.quantized = true, .frozen = true, .limit = 2e-2f})));
  io::write_pth(folder / "cases.pth", py(std::move(cases)));
  EXPECT_EQ(testing::run_python(folder, kJudge), "");
}

constexpr const char* kOptimizers = R"(
import torch
for name, case in torch.load("cases.pth").items():
    p = case["start"].clone().requires_grad_()
    opt = torch.optim.AdamW([p], 0.03, weight_decay=0.05) if name == "adamw" else \
          torch.optim.SGD([p], 0.03, 0.9, nesterov=name == "nesterov", weight_decay=0.05)
    for g in case["gradients"]:
        p.grad = g.clone(); opt.step()
    off = (p.detach() - case["end"]).abs().max().item()
    if not off <= 1e-6: print(name, "differs by", off)
)";

TEST(PyTorch, OptimizerSteps) {
  if (!testing::has_python()) GTEST_SKIP() << "no " << testing::python();
  const testing::TempFolder folder;
  io::PyDict cases;
  for (const std::string name : {"sgd", "nesterov", "adamw"}) {
    config::TrainOptions options{.optimizer = name == "adamw" ? "adamw" : "sgd", .weight_decay = 0.05};
    options.nesterov = name == "nesterov";
    Optimizer optimizer(options);
    Tensor p = ir::random_tensor({37}, 1), gradients = ir::random_tensor({5, 37}, 2);
    io::PyDict entry;
    entry.emplace_back("start", py(p.clone()));
    for (size_t step = 0; step < 5; ++step) {
      const std::span<const float> gradient = std::as_const(gradients).data<float>().subspan(step * 37, 37);
      optimizer.step({{.name = "p", .kind = ParamKind::kWeight, .data = p.data<float>(), .gradient = gradient}}, 0.03);
    }
    entry.emplace_back("gradients", py(gradients));
    entry.emplace_back("end", py(p));
    cases.emplace_back(name, py(std::move(entry)));
  }
  io::write_pth(folder / "cases.pth", py(std::move(cases)));
  EXPECT_EQ(testing::run_python(folder, kOptimizers), "");
}

TEST(Optimizer, SparesNormsAndBiasesFromDecay) {
  config::TrainOptions options{.momentum = 0, .weight_decay = 0.5};
  options.decay_norm_bias = false;
  Optimizer optimizer(options);
  std::vector<float> weight{1}, norm{1}, range{1};
  const std::vector<float> zero{0};
  optimizer.step({{.name = "w", .kind = ParamKind::kWeight, .data = weight, .gradient = zero},
                  {.name = "n", .kind = ParamKind::kNorm, .data = norm, .gradient = zero},
                  {.name = "r", .kind = ParamKind::kRange, .data = range, .gradient = zero}},
                 0.1);
  EXPECT_FLOAT_EQ(weight[0], 0.95f);
  EXPECT_FLOAT_EQ(norm[0], 1.0f);
  EXPECT_FLOAT_EQ(range[0], 1.0f);
}

}  // namespace
}  // namespace qat::train
