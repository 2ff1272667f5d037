// Every int8 convolution of ResNet-50 and MobileNetV2 on one core: checked against the reference, then timed.
//
// usage: conv_bench [resnet50 | mobilenet_v2] [batch] [kernel name] [part of a layer's name]...
// Layers whose names have such a part take the kernel, all if there is none; others take the first of the table.
// Per layer: microseconds with everything in cache (the least of many), GMAC/s and the share of this core's measured
// peak, AMX's where the kernel is; then microseconds when all layers run in a row, each with its own weights, as a
// network runs them (medians).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/random.h"
#include "engine/cpu/peak/peak.h"
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

// What all layers share, as in an engine: memory for a kernel's own use.
struct Scratch {
  void grow(size_t wanted) {
    if (wanted > bytes) memory = allocate(bytes = wanted);
  }
  Memory memory;
  size_t bytes = 0;
};

// One layer with its own buffers, on one kernel.
struct Step {
  Layer layer;
  std::string kernel;
  uint8_t *x, *y, *skip;
  Memory weights;
  Scratch* scratch;
  std::vector<float> multiplier, bias;

  size_t y_bytes() const {
    return static_cast<size_t>(layer.conv.pixels() * kernels::pitch_of(layer.conv.out_channels));
  }

  template <class KernelType>
  void run(const KernelType& k, const typename KernelType::Problem& p, int64_t begin, int64_t end) {
    k.run(p, {x, weights.get(), multiplier.data(), bias.data(), skip, y}, begin, end, scratch->memory.get());
  }

  template <class KernelType>
  void prepare(const KernelType& k, const typename KernelType::Problem& p, const std::vector<int8_t>& plain) {
    kernel = k.name;
    weights = allocate(k.packed_bytes(p));
    k.pack(p, plain.data(), weights.get());
    scratch->grow(k.scratch_bytes(p));
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
    with_op([&](auto table, const auto& p) {
      const auto& k = *kernels::find(table, kernel);
      run(k, p, 0, k.units(p));
    });
  }
};

// Activations: random values below 128, so that any part serves as input.
Memory activations(size_t bytes, Random& random) {
  Memory m = allocate(bytes);
  for (size_t i = 0; i < bytes; ++i) m.get()[i] = static_cast<uint8_t>(random.below(128));
  return m;
}

// Takes the wanted kernel, or the table's first, once its results equal the reference's on the first and last units.
template <class KernelType>
void prepare_checked(Step& s, std::span<const KernelType> table, const typename KernelType::Problem& problem,
                     const std::vector<int8_t>& plain, const std::string& wanted) {
  const auto* kernel = wanted.empty() ? nullptr : kernels::find(table, wanted);
  s.prepare(kernel && !kernel->supports(problem) ? *kernel : kernels::choose(table, problem), problem, plain);
  const std::string chosen = s.kernel;
  std::memset(s.y, 0, s.y_bytes());
  s.run_kernel();
  const std::vector<uint8_t> got(s.y, s.y + s.y_bytes());
  s.prepare(table.back(), problem, plain);
  const int64_t units = table.back().units(problem), few = std::min<int64_t>(units, 100);
  for (const int64_t first : {int64_t{0}, units - few}) {
    s.run(table.back(), problem, first, first + few);
    const size_t unit = s.y_bytes() / static_cast<size_t>(units), at = static_cast<size_t>(first) * unit;
    if (std::memcmp(got.data() + at, s.y + at, static_cast<size_t>(few) * unit) != 0)
      std::printf("WRONG RESULT: %s on %s\n", chosen.c_str(), s.layer.name.c_str());
  }
  s.prepare(*kernels::find(table, chosen), problem, plain);
}

Step make_step(const Layer& layer, const std::string& wanted, const Memory (&buffers)[3], size_t turn, Scratch& scratch,
               Random& random) {
  Step s{.layer = layer, .scratch = &scratch};
  const auto& p = layer.conv;
  s.x = buffers[turn % 3].get(), s.y = buffers[(turn + 1) % 3].get(), s.skip = buffers[(turn + 2) % 3].get();
  const int64_t depth = p.in_channels / p.groups * p.kernel_h * p.kernel_w;
  std::vector<int8_t> plain(static_cast<size_t>(p.out_channels * depth));
  for (auto& w : plain)  // as trained ones: most are small
    w = static_cast<int8_t>(random.below(64) + random.below(64) + random.below(64) + random.below(64) - 126);
  if (!layer.depthwise) s.layer.conv.sum_bits = kernels::sum_bits(p, plain);
  s.multiplier.assign(static_cast<size_t>(p.out_channels), 0.01f / std::sqrt(static_cast<float>(depth)));
  s.bias.assign(static_cast<size_t>(p.out_channels), 3.0f);
  s.with_op([&](auto table, const auto& problem) { prepare_checked(s, table, problem, plain, wanted); });
  return s;
}

// Seconds of each layer in passes over all of them.
std::vector<double> medians_in_a_row(std::vector<Step>& steps) {
  std::vector<std::vector<double>> times(steps.size());
  for (const auto end = Clock::now() + std::chrono::milliseconds(2000); Clock::now() < end;) {
    auto start = Clock::now();
    for (size_t i = 0; i < steps.size(); ++i) {
      steps[i].run_kernel();
      const auto now = Clock::now();
      times[i].push_back(std::chrono::duration<double>(now - start).count());
      start = now;
    }
  }
  std::vector<double> medians;
  for (auto& t : times) {
    std::nth_element(t.begin(), t.begin() + static_cast<ptrdiff_t>(t.size() / 2), t.end());
    medians.push_back(t[t.size() / 2]);
  }
  return medians;
}

// Multiply-adds per second that this core reaches from registers or, with tiles, the first-level cache.
struct Limits {
  double vectors = 0, tiles = 0;  // 0: none
  double of(const std::string& kernel) const { return tiles > 0 && kernels::uses_tiles(kernel) ? tiles : vectors; }
};

template <class Peak>
double reached(const Peak& peak, int64_t rounds) {
  return static_cast<double>(peak.int8_operations * rounds) / 2 / seconds([&] { peak.int8(rounds); });
}

Limits measure_limits() {
  const kernels::PeakKernel& peak = kernels::peak_kernel();
  Limits limits{.vectors = reached(peak, 100'000)};
  std::printf("%s: %s reaches %.1f GMAC/s", name_of(isa()).data(), peak.name, limits.vectors / 1e9);
  if (const kernels::PeakTiles* tiles = kernels::peak_tiles()) {
    limits.tiles = reached(*tiles, 10'000);
    std::printf(", %s %.1f", tiles->name, limits.tiles / 1e9);
  }
  std::printf("\n");
  return limits;
}

void print_table(const std::vector<Step>& steps, const std::vector<double>& alone, const std::vector<double>& in_row,
                 const Limits& limits) {
  std::printf("%-18s %-34s %9s %9s %7s %9s\n", "layer", "kernel", "us", "GMAC/s", "share", "us in row");
  double sum = 0, sum_in_row = 0, macs = 0, least = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    const auto work = static_cast<double>(steps[i].layer.conv.macs());
    const double limit = limits.of(steps[i].kernel);
    sum += alone[i], sum_in_row += in_row[i], macs += work, least += work / limit;
    std::printf("%-18s %-34s %9.1f %9.1f %6.1f%% %9.1f\n", steps[i].layer.name.c_str(), steps[i].kernel.c_str(),
                alone[i] * 1e6, work / alone[i] / 1e9, 100 * work / alone[i] / limit, in_row[i] * 1e6);
  }
  std::printf("sum %.3f ms, in a row %.3f ms, %.1f GMAC/s, %.1f%% of peak; peak's time %.3f ms\n", sum * 1e3,
              sum_in_row * 1e3, macs / sum_in_row / 1e9, 100 * least / sum_in_row, least * 1e3);
}

int main(int argc, char** argv) {
  const std::string network = argc > 1 ? argv[1] : "resnet50", wanted = argc > 3 ? argv[3] : "";
  const int64_t batch = argc > 2 ? std::atoi(argv[2]) : 1;
  const Limits limits = measure_limits();
  Random random(1);
  const auto layers = network == "resnet50" ? resnet50(batch) : mobilenet_v2(batch);
  const auto takes = [&](const Layer& l) {
    return argc <= 4 ||
           std::any_of(argv + 4, argv + argc, [&](const char* part) { return l.name.find(part) != l.name.npos; });
  };
  Scratch scratch;
  std::vector<Step> steps;
  steps.reserve(layers.size());
  size_t largest = 0;
  for (const Layer& layer : layers) {
    const auto& p = layer.conv;
    const int64_t x = p.batch * p.in_h * p.in_w * kernels::pitch_of(p.in_channels);
    largest = std::max(largest, static_cast<size_t>(std::max(x, p.pixels() * kernels::pitch_of(p.out_channels))));
  }
  const Memory buffers[3] = {activations(largest, random), activations(largest, random), activations(largest, random)};
  for (const Layer& layer : layers)
    steps.push_back(make_step(layer, takes(layer) ? wanted : "", buffers, steps.size(), scratch, random));
  std::vector<double> alone, in_row = medians_in_a_row(steps);
  for (Step& step : steps) alone.push_back(seconds([&] { step.run_kernel(); }));
  print_table(steps, alone, in_row, limits);
  return 0;
}

}  // namespace
}  // namespace qat::bench

int main(int argc, char** argv) { return qat::bench::main(argc, argv); }
