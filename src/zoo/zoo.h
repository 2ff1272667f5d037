// The zoo: networks as functions that return a Graph, with torchvision's parameter names.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace qat::zoo {

struct NetOptions {
  int64_t in_channels = 3;
  int64_t classes = 1000;
  int64_t height = ir::kDynamic;  // fixed only where the network needs it (vgg16_bn: 224)
  int64_t width = ir::kDynamic;
};

// resnet8/20/56, resnet18/34/50/101/152, wide_resnet50_2, resnext50_32x4d, vgg16_bn, mobilenet_v2. Input [N,C,H,W]
// named "input", output "output" [N,classes]; batch dynamic. Parameters are zero-filled: call initialize. Throws
// Error(kUsage), with the nearest name.
ir::Graph build(const std::string& net, const NetOptions& options);

std::vector<std::string> names();

// torchvision's initialization: Kaiming normal (fan out) for convolutions, 1 / 0 for BN, its own for linear layers.
void initialize(ir::Graph& graph, uint64_t seed);

}  // namespace qat::zoo
