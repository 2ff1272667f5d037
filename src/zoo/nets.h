// The families of networks behind zoo::build, one file each.
#pragma once

#include "zoo/zoo.h"

namespace qat::zoo {

// Residual networks (He et al. 2015; v1.5 as torchvision: the stride sits in the bottleneck's 3x3), ResNeXt, wide.
struct ResNetSpec {
  std::vector<int64_t> blocks;  // of each stage
  bool bottleneck = false;
  int64_t groups = 1;
  int64_t width_per_group = 64;
};
ir::Graph resnet(const std::string& name, const ResNetSpec& spec, const NetOptions& options);

// For small images (He et al. 2015, section 4.2): a 3x3 stem, three stages of 16, 32 and 64 channels with
// `blocks` basic blocks each; depth 6 blocks + 2. The shortcut of a stage's first block is a 1x1 convolution.
ir::Graph small_resnet(const std::string& name, int64_t blocks, const NetOptions& options);

ir::Graph vgg16_bn(const NetOptions& options);      // 224x224 only: its classifier starts from 512x7x7
ir::Graph mobilenet_v2(const NetOptions& options);  // width 1.0

}  // namespace qat::zoo
