// Peaks by running the loops of engine/cpu/peak on a team: see roofline.h.
#include "engine/runtime/roofline.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

#include "engine/cpu/peak/peak.h"
#include "engine/runtime/memory.h"
#include "engine/runtime/team.h"

namespace qat::engine {

namespace {

using Clock = std::chrono::steady_clock;
using kernels::PeakKernel;
using kernels::PeakTiles;

// Beyond any L2, and as much as the weights and activations of a large network.
constexpr size_t kFarBytes = size_t{32} << 20;
constexpr int64_t kLoopRounds = 20'000, kTileRounds = 5'000;  // some 0.1 ms

// The work of one thread: `rounds` of a loop, or `rounds` passes over `size` bytes.
struct Work {
  void (*loop)(int64_t rounds) = nullptr;
  void (*read)(const std::byte* data, size_t size) = nullptr;
  int64_t rounds = 1;
  const std::byte* data = nullptr;  // of member 0; the others' follow
  size_t size = 0;

  static void member(void* context, int index) {
    const Work& w = *static_cast<Work*>(context);
    if (w.loop != nullptr) return w.loop(w.rounds);
    const std::byte* own = w.data + static_cast<size_t>(index) * w.size;
    for (int64_t i = 0; i < w.rounds; ++i) w.read(own, w.size);
  }
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Rounds per second: the best of some attempts, each as long as the best so far says that two milliseconds are. One
// that lost its core makes the next no longer. spread: raised to how far half of the attempts fell short.
double rate(Team& team, Work work, double& spread) {
  constexpr double kAttempt = 2e-3;
  constexpr int kAttempts = 12;
  const int64_t first = work.rounds;
  double best = 0, spent = 0;
  std::vector<double> rates;
  // On a busy machine the first attempts may be disturbed, and so short that a dozen says nothing.
  for (int i = 0; i < kAttempts || (spent < kAttempts * kAttempt && i < 100 * kAttempts); ++i) {
    const auto start = Clock::now();
    team.run(Work::member, &work);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    rates.push_back(static_cast<double>(work.rounds) / seconds);
    best = std::max(best, rates.back());
    spent += seconds;
    work.rounds = std::max(first, static_cast<int64_t>(best * kAttempt));
  }
  spread = std::max(spread, 1 - median(std::move(rates)) / best);
  return best;
}

size_t rounded(size_t bytes) { return bytes / 4096 * 4096; }

}  // namespace

Roof measure_roof(int threads) {
  const PeakKernel& peak = kernels::peak_kernel();
  Team team(threads);
  const size_t l2 = cpu().l2_bytes > 0 ? cpu().l2_bytes : size_t{256} << 10;
  const size_t near = rounded(l2 / 2), far = rounded(std::max(kFarBytes / static_cast<size_t>(threads), 4 * l2));
  AlignedBuffer data(static_cast<size_t>(threads) * std::max(near, far));
  std::memset(data.data(), 1, data.size());
  const double all = threads;
  const Work read{.read = peak.read, .data = data.data()};
  double spread = 0;
  const auto bytes = [&](size_t size) {
    Work work = read;
    work.size = size;
    return rate(team, work, spread) * static_cast<double>(size) * all;
  };
  Roof roof{.threads = threads,
            .int8_operations = rate(team, {.loop = peak.int8, .rounds = kLoopRounds}, spread) *
                               static_cast<double>(peak.int8_operations) * all,
            .float_operations = rate(team, {.loop = peak.floats, .rounds = kLoopRounds}, spread) *
                                static_cast<double>(peak.float_operations) * all,
            .near_bytes = bytes(near),
            .far_bytes = bytes(far),
            .near_size = static_cast<double>(l2) * all};
  // Last, so that all before it is measured as on a machine without AMX.
  if (const PeakTiles* tiles = kernels::peak_tiles()) {
    roof.amx_operations = rate(team, {.loop = tiles->int8, .rounds = kTileRounds}, spread) *
                          static_cast<double>(tiles->int8_operations) * all;
  }
  roof.spread = spread;
  return roof;
}

double int8_peak(const Roof& roof, std::string_view kernel) {
  return roof.amx_operations > 0 && kernels::uses_tiles(kernel) ? roof.amx_operations : roof.int8_operations;
}

Reached reached(const StepProfile& step, const Roof& roof, double all_weights) {
  if (step.precision == "bf16" || step.precision == "fp16") return {};
  const double peak = step.precision == "int8" ? int8_peak(roof, step.kernel) : roof.float_operations;
  const double activations = step.bytes - step.weight_bytes;
  const double compute = step.operations / peak;
  const double memory = step.weight_bytes / (all_weights > roof.near_size ? roof.far_bytes : roof.near_bytes) +
                        activations / (activations > roof.near_size ? roof.far_bytes : roof.near_bytes);
  const double seconds = std::max(compute, memory);
  return {.bound = compute > memory ? Bound::kCompute : Bound::kMemory,
          .milliseconds = 1e3 * seconds,
          .share = step.milliseconds > 0 ? 1e3 * seconds / step.milliseconds : 0};
}

}  // namespace qat::engine
