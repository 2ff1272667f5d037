// Residual networks, for ImageNet as torchvision has them and for small images.
#include "zoo/builder.h"
#include "zoo/nets.h"

namespace qat::zoo {

using ir::Op;
using ir::ValueId;

namespace {

struct Block {
  std::string name;  // "layer1.0"
  int64_t in = 0, planes = 0, stride = 1;
};

ValueId conv_norm(Builder& b, const std::string& block, int index, ValueId x, const ConvSpec& spec) {
  x = b.conv(cat(block, ".conv", index), x, spec);
  return b.norm(cat(block, ".bn", index), x, spec.out);
}

// relu(branch + shortcut(x)): the shortcut is x itself, or a 1x1 convolution where extents change.
ValueId join_shortcut(Builder& b, const Block& block, ValueId branch, ValueId x, int64_t out) {
  if (block.stride != 1 || block.in != out) {
    x = b.conv(block.name + ".downsample.0", x,
               {.in = block.in, .out = out, .kernel = 1, .stride = block.stride, .pad = 0});
    x = b.norm(block.name + ".downsample.1", x, out);
  }
  return b.node(Op::kRelu, block.name + ".relu", {b.node(Op::kAdd, block.name + ".add", {branch, x})});
}

ValueId basic_block(Builder& b, const Block& block, ValueId x) {
  const int64_t planes = block.planes;
  ValueId y = conv_norm(b, block.name, 1, x, {.in = block.in, .out = planes, .stride = block.stride});
  y = b.node(Op::kRelu, block.name + ".relu1", {y});
  y = conv_norm(b, block.name, 2, y, {.in = planes, .out = planes});
  return join_shortcut(b, block, y, x, planes);
}

ValueId bottleneck(Builder& b, const Block& block, ValueId x, const ResNetSpec& spec) {
  const int64_t width = block.planes * spec.width_per_group / 64 * spec.groups;
  const int64_t out = 4 * block.planes;
  ValueId y = conv_norm(b, block.name, 1, x, {.in = block.in, .out = width, .kernel = 1, .pad = 0});
  y = b.node(Op::kRelu, block.name + ".relu1", {y});
  y = conv_norm(b, block.name, 2, y, {.in = width, .out = width, .stride = block.stride, .groups = spec.groups});
  y = b.node(Op::kRelu, block.name + ".relu2", {y});
  y = conv_norm(b, block.name, 3, y, {.in = width, .out = out, .kernel = 1, .pad = 0});
  return join_shortcut(b, block, y, x, out);
}

ValueId stages(Builder& b, ValueId x, const ResNetSpec& spec, int64_t first_planes, int64_t in) {
  for (size_t stage = 0; stage < spec.blocks.size(); ++stage) {
    const int64_t planes = first_planes << stage;
    for (int64_t i = 0; i < spec.blocks[stage]; ++i) {
      const Block block{
          .name = cat("layer", stage + 1, ".", i), .in = in, .planes = planes, .stride = stage > 0 && i == 0 ? 2 : 1};
      x = spec.bottleneck ? bottleneck(b, block, x, spec) : basic_block(b, block, x);
      in = spec.bottleneck ? 4 * planes : planes;
    }
  }
  return x;
}

ir::Graph finish(Builder& b, ValueId x, int64_t features, const NetOptions& options) {
  x = b.node(Op::kGlobalAvgPool, "avgpool", {x});
  x = b.node(Op::kFlatten, "flatten", {x}, ir::AxisAttrs{.axis = 1});
  return b.finish(b.linear("fc", x, features, options.classes));
}

}  // namespace

ir::Graph resnet(const std::string& name, const ResNetSpec& spec, const NetOptions& options) {
  Builder b(name);
  ValueId x = b.input("input", {ir::kDynamic, options.in_channels, options.height, options.width});
  x = b.conv("conv1", x, {.in = options.in_channels, .out = 64, .kernel = 7, .stride = 2, .pad = 3});
  x = b.node(Op::kRelu, "relu", {b.norm("bn1", x, 64)});
  x = b.node(Op::kMaxPool, "maxpool", {x}, ir::PoolAttrs{.kernel = {3, 3}, .stride = {2, 2}, .pads = {1, 1, 1, 1}});
  x = stages(b, x, spec, 64, 64);
  return finish(b, x, spec.bottleneck ? 2048 : 512, options);
}

ir::Graph small_resnet(const std::string& name, int64_t blocks, const NetOptions& options) {
  Builder b(name);
  ValueId x = b.input("input", {ir::kDynamic, options.in_channels, options.height, options.width});
  x = b.conv("conv1", x, {.in = options.in_channels, .out = 16});
  x = b.node(Op::kRelu, "relu", {b.norm("bn1", x, 16)});
  x = stages(b, x, {.blocks = {blocks, blocks, blocks}}, 16, 16);
  return finish(b, x, 64, options);
}

}  // namespace qat::zoo
