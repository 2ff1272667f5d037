// Peaks by running the loops of engine/cpu/peak on a team: see roofline.h.
#include "engine/runtime/roofline.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
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

// This thread's time on its core: what other processes took from it does not count.
double core_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// The work of one thread: `rounds` of a loop, or `rounds` passes over `size` bytes.
struct Work {
  void (*loop)(int64_t rounds) = nullptr;
  void (*read)(const std::byte* data, size_t size) = nullptr;
  int64_t rounds = 1;
  const std::byte* data = nullptr;  // of member 0; the others' follow
  size_t size = 0;
  double* seconds = nullptr;  // core_seconds() of each member, filled in

  static void member(void* context, int index) {
    const Work& w = *static_cast<Work*>(context);
    const double start = core_seconds();
    w.run(index);
    w.seconds[index] = core_seconds() - start;
  }

 private:
  void run(int index) const {
    if (loop != nullptr) return loop(rounds);
    const std::byte* own = data + static_cast<size_t>(index) * size;
    for (int64_t i = 0; i < rounds; ++i) read(own, size);
  }
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Rounds per second of a thread while it has its core, the mean of all: the best of some attempts, each as long as the
// best so far says that two milliseconds are. By the clock on the wall, threads that wait for their cores would make
// peaks of a busy machine a hundredth of what its layers reach. spread: raised to how far half of the attempts fell
// short by that clock.
double rate(Team& team, Work work, double& spread) {
  constexpr double kAttempt = 2e-3;
  constexpr int kAttempts = 12;
  const int64_t first = work.rounds;
  std::vector<double> seconds(static_cast<size_t>(team.size())), rates;
  work.seconds = seconds.data();
  double best = 0, spent = 0;
  // The first attempts may be so short that a dozen says nothing.
  for (int i = 0; i < kAttempts || (spent < kAttempts * kAttempt && i < 100 * kAttempts); ++i) {
    const auto start = Clock::now();
    team.run(Work::member, &work);
    const double wall = std::chrono::duration<double>(Clock::now() - start).count();
    double rate = 0;
    for (const double own : seconds) {
      const bool ticks = !(own > 0 && own < wall);  // a clock too coarse for an attempt
      rate += static_cast<double>(work.rounds) / (ticks ? wall : own) / static_cast<double>(seconds.size());
    }
    best = std::max(best, rate);
    rates.push_back(static_cast<double>(work.rounds) / wall);
    spent += wall;
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
