// The float convolutions of ResNet-50 and MobileNetV2 through the oneDNN plugin, in both layouts and types.
//
// usage: float_bench [resnet50 | mobilenet_v2] [batch] [threads]
// Per layer: oneDNN's choice and microseconds in each layout; last, the sums. Results are checked by onednn_test.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "base/plugin.h"
#include "engine/cpu/float_ops.h"
#include "layers.h"

namespace qat::bench {
namespace {

using Clock = std::chrono::steady_clock;
using namespace kernels;

double seconds(FloatStep& step, const FloatArgs& args, void* scratch) {
  double best = 1e9;
  const auto end = Clock::now() + std::chrono::milliseconds(40);
  for (int i = 0; i < 4 || Clock::now() < end; ++i) {
    const auto start = Clock::now();
    step.run(args, scratch);
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

struct Memory {
  explicit Memory(size_t bytes) : data(std::aligned_alloc(64, (bytes + 127) / 64 * 64)) {
    std::memset(data, 0, (bytes + 127) / 64 * 64);
  }
  ~Memory() { std::free(data); }
  void* data;
};

FloatConvProblem float_problem(const ConvProblem& c, FloatType type, FloatLayout layout) {
  FloatConvProblem p{.x = {.type = type, .layout = layout, .n = c.batch, .c = c.in_channels, .h = c.in_h, .w = c.in_w},
                     .out_channels = c.out_channels,
                     .groups = c.groups,
                     .kernel_h = c.kernel_h,
                     .kernel_w = c.kernel_w,
                     .stride_h = c.stride_h,
                     .stride_w = c.stride_w,
                     .pad_top = c.pad_top,
                     .pad_left = c.pad_left,
                     .pad_bottom = c.pad_bottom,
                     .pad_right = c.pad_right};
  p.epilogue = {.activation = Activation::kClip, .has_skip = c.epilogue.has_skip};
  return p;
}

}  // namespace

int run(int argc, char** argv) {
  const std::string network = argc > 1 ? argv[1] : "resnet50";
  const int64_t batch = argc > 2 ? std::atoi(argv[2]) : 1;
  const int threads = argc > 3 ? std::atoi(argv[3]) : 1;
  FloatBackend& backend = plugin<FloatBackend>(kFloatPlugin, kFloatPluginRemedy);
  std::printf("%s\n", backend.version().c_str());
  double sums[2][2] = {};
  for (const Layer& layer : network == "resnet50" ? resnet50(batch) : mobilenet_v2(batch)) {
    std::printf("%-20s", layer.name.c_str());
    for (const FloatType type : {FloatType::kF32, FloatType::kBF16}) {
      for (const FloatLayout layout : {FloatLayout::kNhwc, FloatLayout::kBlocked16}) {
        if (layout == FloatLayout::kBlocked16 && layer.conv.in_channels < 16) continue;  // no fast kernel there
        const FloatConvProblem p = float_problem(layer.conv, type, layout);
        const auto weights = static_cast<size_t>(p.out_channels * p.x.c / p.groups * p.kernel_h * p.kernel_w);
        const std::vector<float> w(weights, 0.01f), b(static_cast<size_t>(p.out_channels), 0.5f);
        const auto step = backend.conv(p, w.data(), b.data(), threads);
        const Memory x(p.x.bytes()), y(p.y().bytes()), skip(p.y().bytes()), scratch(step->scratch_bytes());
        const FloatArgs args{.inputs = {x.data}, .skip = p.epilogue.has_skip ? skip.data : nullptr, .y = y.data};
        const double t = seconds(*step, args, scratch.data);
        sums[static_cast<int>(type)][static_cast<int>(layout)] += t;
        std::printf("  %-26s %8.0f", step->kernel().c_str(), t * 1e6);
      }
    }
    std::printf("\n");
  }
  std::printf("%s batch %ld, %d threads: f32 nhwc %.2f ms, blocked %.2f ms; bf16 nhwc %.2f ms, blocked %.2f ms\n",
              network.c_str(), static_cast<long>(batch), threads, sums[0][0] * 1e3, sums[0][1] * 1e3, sums[1][0] * 1e3,
              sums[1][1] * 1e3);
  return 0;
}

}  // namespace qat::bench

int main(int argc, char** argv) { return qat::bench::run(argc, argv); }
