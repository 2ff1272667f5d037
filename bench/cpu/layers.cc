// The layer lists, written as the networks' definitions are.
#include "layers.h"

namespace qat::bench {
namespace {

using kernels::ConvProblem;

struct Builder {
  int64_t batch, size = 224, channels = 3;
  std::vector<Layer> layers;

  // Square kernel, "same" padding; moves size and channels on.
  void conv(const std::string& name, int64_t out, int64_t kernel, int64_t stride, bool skip = false) {
    layers.push_back(make(name, channels, size, out, kernel, stride, 1, skip));
    size = layers.back().conv.out_h();
    channels = out;
  }

  void depthwise(const std::string& name, int64_t kernel, int64_t stride) {
    layers.push_back(make(name, channels, size, channels, kernel, stride, channels, false));
    size = layers.back().conv.out_h();
  }

  Layer make(const std::string& name, int64_t in, int64_t extent, int64_t out, int64_t kernel, int64_t stride,
             int64_t groups, bool skip) const {
    ConvProblem p{.in_channels = in,
                  .out_channels = out,
                  .groups = groups,
                  .kernel_h = kernel,
                  .kernel_w = kernel,
                  .stride_h = stride,
                  .stride_w = stride};
    p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = kernel / 2;
    p.in_highest = 127;  // as after a ReLU
    p.batch = batch, p.in_h = extent, p.in_w = extent;
    p.epilogue = {.activation = Activation::kClip, .has_skip = skip, .lo = 0, .hi = 127};
    return {.name = name, .depthwise = groups > 1, .conv = p};
  }
};

}  // namespace

std::vector<Layer> resnet50(int64_t batch) {
  Builder b{.batch = batch};
  b.conv("conv1", 64, 7, 2);
  b.size = 56;  // the max pool
  const int64_t widths[] = {64, 128, 256, 512}, depths[] = {3, 4, 6, 3};
  for (int stage = 0; stage < 4; ++stage) {
    for (int64_t block = 0; block < depths[stage]; ++block) {
      const std::string name = "layer" + std::to_string(stage + 1) + "." + std::to_string(block);
      const int64_t stride = stage > 0 && block == 0 ? 2 : 1, width = widths[stage];
      if (block == 0) b.layers.push_back(b.make(name + ".down", b.channels, b.size, 4 * width, 1, stride, 1, false));
      b.conv(name + ".conv1", width, 1, 1);
      b.conv(name + ".conv2", width, 3, stride);
      b.conv(name + ".conv3", 4 * width, 1, 1, true);
    }
  }
  return b.layers;
}

std::vector<Layer> mobilenet_v2(int64_t batch) {
  Builder b{.batch = batch};
  b.conv("features.0", 32, 3, 2);
  struct Stage {
    int64_t expand, channels, count, stride;
  };
  int64_t index = 1;
  for (const Stage& s : {Stage{1, 16, 1, 1}, Stage{6, 24, 2, 2}, Stage{6, 32, 3, 2}, Stage{6, 64, 4, 2},
                         Stage{6, 96, 3, 1}, Stage{6, 160, 3, 2}, Stage{6, 320, 1, 1}}) {
    for (int64_t i = 0; i < s.count; ++i, ++index) {
      const std::string name = "features." + std::to_string(index);
      const int64_t in = b.channels, stride = i == 0 ? s.stride : 1;
      if (s.expand > 1) b.conv(name + ".expand", in * s.expand, 1, 1);
      b.depthwise(name + ".dw", 3, stride);
      b.conv(name + ".project", s.channels, 1, 1, stride == 1 && in == s.channels);
    }
  }
  b.conv("features.18", 1280, 1, 1);
  return b.layers;
}

kernels::DepthwiseProblem as_depthwise(const kernels::ConvProblem& p) {
  return {.channels = p.in_channels,
          .kernel_h = p.kernel_h,
          .kernel_w = p.kernel_w,
          .stride_h = p.stride_h,
          .stride_w = p.stride_w,
          .dilation_h = p.dilation_h,
          .dilation_w = p.dilation_w,
          .pad_top = p.pad_top,
          .pad_left = p.pad_left,
          .pad_bottom = p.pad_bottom,
          .pad_right = p.pad_right,
          .in_zero_point = p.in_zero_point,
          .in_highest = p.in_highest,
          .epilogue = p.epilogue,
          .batch = p.batch,
          .in_h = p.in_h,
          .in_w = p.in_w};
}

}  // namespace qat::bench
