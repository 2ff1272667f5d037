// torchvision's initial weights, from a counter-based generator: a parameter's values depend on the seed and its place.
#include <cmath>

#include "base/random.h"
#include "zoo/zoo.h"

namespace qat::zoo {

namespace {

void fill(Tensor& t, float value) {
  for (float& x : t.data<float>()) x = value;
}

void fill_normal(Tensor& t, double deviation, Random random) {
  for (float& x : t.data<float>()) x = static_cast<float>(deviation * random.normal());
}

void fill_uniform(Tensor& t, double bound, Random random) {
  for (float& x : t.data<float>()) x = static_cast<float>(random.uniform(-bound, bound));
}

// Linear layers by the network they sit in: torchvision's VGG and MobileNetV2 draw from N(0, 0.01) with a zero bias,
// ResNets keep torch's default U(-1 / sqrt(C), 1 / sqrt(C)) for both.
bool draws_linear_normal(const std::string& net) { return net == "vgg16_bn" || net == "mobilenet_v2"; }

void initialize_linear(ir::Graph& graph, const ir::Node& node, uint64_t seed) {
  Tensor& weight = graph.value(node.inputs[1]).data;
  const bool normal = draws_linear_normal(graph.name);
  const double bound = 1.0 / std::sqrt(static_cast<double>(weight.dim(1)));
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == ir::kNone) continue;
    const Random random(seed, static_cast<uint64_t>(node.inputs[i]));
    Tensor& data = graph.value(node.inputs[i]).data;
    if (!normal) {
      fill_uniform(data, bound, random);
    } else if (i == 1) {
      fill_normal(data, 0.01, random);
    } else {
      fill(data, 0.0f);
    }
  }
}

}  // namespace

void initialize(ir::Graph& graph, uint64_t seed) {
  for (const ir::Node& node : graph.nodes) {
    if (node.op == ir::Op::kConv || node.op == ir::Op::kConvTranspose) {
      Tensor& weight = graph.value(node.inputs[1]).data;
      // Kaiming normal, fan out: torch counts outputs as dim 0 times the window, groups not divided.
      const double fan_out = static_cast<double>(weight.dim(0) * weight.dim(2) * weight.dim(3));
      fill_normal(weight, std::sqrt(2.0 / fan_out), Random(seed, static_cast<uint64_t>(node.inputs[1])));
      if (node.inputs.size() > 2 && node.inputs[2] != ir::kNone) fill(graph.value(node.inputs[2]).data, 0.0f);
    } else if (node.op == ir::Op::kBatchNorm) {
      constexpr float kValues[] = {1, 0, 0, 1};  // gamma, beta, mean, variance
      for (size_t i = 0; i < 4; ++i) fill(graph.value(node.inputs[i + 1]).data, kValues[i]);
    } else if (node.op == ir::Op::kGemm) {
      initialize_linear(graph, node, seed);
    }
  }
}

}  // namespace qat::zoo
