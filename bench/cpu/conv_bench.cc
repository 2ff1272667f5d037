// Every int8 convolution of ResNet-50 and MobileNetV2 on one core: checked against the reference, then timed.
//
// usage: conv_bench [resnet50 | mobilenet_v2] [batch] [kernel name]
// Per layer: microseconds with everything in cache, GMAC/s and the share of this core's measured peak. Last: all layers
// in a row, each with its own weights, as a network runs them.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/random.h"
#include "engine/cpu/tile/tile.h"
#include "layers.h"

namespace qat::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Free {
  void operator()(uint8_t* p) const { std::free(p); }
};
using Memory = std::unique_ptr<uint8_t, Free>;

Memory allocate(size_t bytes) {
  Memory m(static_cast<uint8_t*>(std::aligned_alloc(64, (bytes + 191) / 64 * 64)));
  std::memset(m.get(), 0, (bytes + 191) / 64 * 64);
  return m;
}

template <class Body>
double seconds(const Body& body, int milliseconds = 60) {
  double best = 1e9;
  const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
  for (int i = 0; i < 5 || Clock::now() < end; ++i) {
    const auto start = Clock::now();
    body();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

// Multiply-adds per second of the best tile at a depth where its ends do not count.
double peak() {
  const kernels::ConvProblem p{.in_channels = 3968, .out_channels = 32, .in_h = 1, .in_w = 14};
  const auto& kernel = kernels::choose(kernels::conv_kernels(), p);
  Memory x = allocate(14 * 3968), y = allocate(14 * 32), w = allocate(kernel.packed_bytes(p));
  const std::vector<float> scale(32, 0.001f);
  return static_cast<double>(p.macs()) * 100 / seconds([&] {
           for (int i = 0; i < 100; ++i)
             kernel.run(
                 p, {.x = x.get(), .weights = w.get(), .multiplier = scale.data(), .bias = scale.data(), .y = y.get()},
                 0, kernel.units(p), nullptr);
         });
}

// One layer with its own buffers, on one kernel.
struct Step {
  Layer layer;
  std::string kernel;
  uint8_t *x, *y, *skip;
  Memory weights, scratch;
  std::vector<float> multiplier, bias;

  size_t y_bytes() const {
    return static_cast<size_t>(layer.conv.pixels() * kernels::pitch_of(layer.conv.out_channels));
  }

  template <class KernelType>
  void run(const KernelType& k, const typename KernelType::Problem& p) {
    k.run(p, {x, weights.get(), multiplier.data(), bias.data(), skip, y}, 0, k.units(p), scratch.get());
  }

  template <class KernelType>
  void prepare(const KernelType& k, const typename KernelType::Problem& p, const std::vector<int8_t>& plain) {
    kernel = k.name;
    weights = allocate(k.packed_bytes(p));
    k.pack(p, plain.data(), weights.get());
    scratch = allocate(k.scratch_bytes(p));
  }

  // Calls body with the table and the problem of the layer's op.
  template <class Body>
  void with_op(const Body& body) const {
    if (layer.depthwise) {
      body(kernels::depthwise_kernels(), as_depthwise(layer.conv));
    } else {
      body(kernels::conv_kernels(), layer.conv);
    }
  }

  void run_kernel() {
    with_op([&](auto table, const auto& p) { run(*kernels::find(table, kernel), p); });
  }
};

// Activations: random values below 128, so that any part serves as input.
Memory activations(size_t bytes, Random& random) {
  Memory m = allocate(bytes);
  for (size_t i = 0; i < bytes; ++i) m.get()[i] = static_cast<uint8_t>(random.below(128));
  return m;
}

Step make_step(const Layer& layer, const std::string& wanted, const Memory (&buffers)[3], size_t turn, Random& random) {
  Step s{.layer = layer};
  const auto& p = layer.conv;
  s.x = buffers[turn % 3].get(), s.y = buffers[(turn + 1) % 3].get(), s.skip = buffers[(turn + 2) % 3].get();
  const int64_t depth = p.in_channels / p.groups * p.kernel_h * p.kernel_w;
  std::vector<int8_t> plain(static_cast<size_t>(p.out_channels * depth));
  for (auto& w : plain) w = static_cast<int8_t>(random.below(255) - 127);
  s.multiplier.assign(static_cast<size_t>(p.out_channels), 0.01f / std::sqrt(static_cast<float>(depth)));
  s.bias.assign(static_cast<size_t>(p.out_channels), 3.0f);
  s.with_op([&](auto table, const auto& problem) {
    s.prepare(table.back(), problem, plain);
    s.run_kernel();
    std::vector<uint8_t> expected(s.y, s.y + s.y_bytes());
    const auto* kernel = wanted.empty() ? nullptr : kernels::find(table, wanted);
    s.prepare(kernel ? *kernel : kernels::choose(table, problem), problem, plain);
    std::memset(s.y, 0, s.y_bytes());
    s.run_kernel();
    if (std::memcmp(expected.data(), s.y, s.y_bytes()) != 0)
      std::printf("WRONG RESULT: %s on %s\n", s.kernel.c_str(), layer.name.c_str());
  });
  return s;
}

int main(int argc, char** argv) {
  const std::string network = argc > 1 ? argv[1] : "resnet50", wanted = argc > 3 ? argv[3] : "";
  const int64_t batch = argc > 2 ? std::atoi(argv[2]) : 1;
  const double limit = peak();
  std::printf("peak %.1f GMAC/s\n%-20s %-28s %9s %9s %7s\n", limit / 1e9, "layer", "kernel", "us", "GMAC/s", "share");
  Random random(1);
  std::vector<Step> steps;
  const auto layers = network == "resnet50" ? resnet50(batch) : mobilenet_v2(batch);
  size_t largest = 0;
  for (const Layer& layer : layers) {
    const auto& p = layer.conv;
    const int64_t x = p.batch * p.in_h * p.in_w * kernels::pitch_of(p.in_channels);
    largest = std::max(largest, static_cast<size_t>(std::max(x, p.pixels() * kernels::pitch_of(p.out_channels))));
  }
  const Memory buffers[3] = {activations(largest, random), activations(largest, random), activations(largest, random)};
  double sum = 0, macs = 0;
  for (const Layer& layer : layers) {
    steps.push_back(make_step(layer, wanted, buffers, steps.size(), random));
    Step& step = steps.back();
    const double t = seconds([&] { step.run_kernel(); }), work = static_cast<double>(layer.conv.macs());
    sum += t, macs += work;
    std::printf("%-20s %-28s %9.1f %9.1f %6.1f%%\n", layer.name.c_str(), step.kernel.c_str(), t * 1e6, work / t / 1e9,
                100 * work / t / limit);
  }
  const auto all = [&] {
    for (Step& step : steps) step.run_kernel();
  };
  const double pass = seconds(all, 1500);
  std::printf(
      "%s batch %ld: sum of layers %.3f ms, in a row %.3f ms, %.1f GMAC/s, %.1f%% of peak, peak's time %.3f ms\n",
      network.c_str(), static_cast<long>(batch), sum * 1e3, pass * 1e3, macs / pass / 1e9, 100 * macs / pass / limit,
      macs / limit * 1e3);
  return 0;
}

}  // namespace
}  // namespace qat::bench

int main(int argc, char** argv) { return qat::bench::main(argc, argv); }
