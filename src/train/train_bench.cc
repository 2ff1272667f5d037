// Time of one training step, float and quantized, interleaved; medians, beside which the peer script's are put.
//
// usage: train_bench [--net resnet20] [--batch 128] [--size 28] [--channels 1] [--steps 15] [--threads 2]
//        [--ranges moving] [--weight-ranges step]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "base/random.h"
#include "quant/placement.h"
#include "train/graph_module.h"
#include "train/optimizer.h"
#include "zoo/zoo.h"

namespace {

using namespace qat;

struct Arm {
  std::string name;
  train::GraphModule module;
  train::Optimizer optimizer;
  std::vector<double> ms;
};

double run_step(Arm& arm, const train::TrainBatch& batch) {
  const auto start = std::chrono::steady_clock::now();
  const double loss = arm.module.train_step(batch).loss;
  const auto parameters = arm.module.parameters();
  if (const std::string bad = train::Optimizer::not_finite(parameters); !bad.empty() || !(loss < 1e6)) {
    std::fprintf(stderr, "%s: not finite: %s, loss %g\n", arm.name.c_str(), bad.c_str(), loss);
    std::exit(1);
  }
  arm.optimizer.step(parameters, 0.05);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> flags{{"--net", "resnet20"},  {"--batch", "128"},         {"--size", "28"},
                                           {"--channels", "1"},    {"--steps", "15"},          {"--threads", "2"},
                                           {"--ranges", "moving"}, {"--weight-ranges", "step"}};
  for (int i = 1; i + 1 < argc; i += 2) flags[argv[i]] = argv[i + 1];
  const auto number = [&](const char* flag) { return std::stoll(flags[flag]); };
  const int64_t batch = number("--batch"), size = number("--size"), channels = number("--channels");

  ir::Graph net = zoo::build(flags["--net"], {.in_channels = channels, .classes = 10, .height = size, .width = size});
  zoo::initialize(net, 1);
  train::ModuleOptions options{.threads = static_cast<int>(number("--threads"))};
  Arm plain{"float", train::GraphModule(ir::clone(net), options), train::Optimizer({}), {}};
  options.ranges = train::parse_range_mode(flags["--ranges"]);
  options.weight_ranges = train::parse_weight_range_mode(flags["--weight-ranges"]);
  ir::Graph placed = quant::place(net, {});
  for (ir::NodeId id : quant::activation_quantizers(placed)) {
    placed.value(placed.nodes[static_cast<size_t>(id)].inputs[1]).data.data<float>()[0] = 4.0f;
  }
  Arm quantized{"fake-quant", train::GraphModule(std::move(placed), options), train::Optimizer({}), {}};

  Tensor images(DType::kF32, {batch, channels, size, size});
  Random random(3);
  for (float& x : images.data<float>()) x = static_cast<float>(random.normal());
  std::vector<int64_t> labels(static_cast<size_t>(batch));
  for (int64_t& label : labels) label = random.below(10);
  const train::TrainBatch input{.images = images, .labels = labels};

  for (int64_t step = -3; step < number("--steps"); ++step) {
    for (Arm* arm : {&plain, &quantized}) {
      const double ms = run_step(*arm, input);
      if (step >= 0) arm->ms.push_back(ms);
    }
  }
  const double base = median(plain.ms);
  for (const Arm* arm : {&plain, &quantized}) {
    std::printf("%s %ldx%ld batch %ld threads %s %-10s %7.1f ms/step  %.2fx of float\n", flags["--net"].c_str(),
                static_cast<long>(size), static_cast<long>(size), static_cast<long>(batch), flags["--threads"].c_str(),
                arm->name.c_str(), median(arm->ms), median(arm->ms) / base);
  }
  return 0;
}
