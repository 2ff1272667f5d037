// Peaks by running the loops of engine/cpu/peak on a team: see roofline.h.
#include "engine/runtime/roofline.h"

#include <algorithm>
#include <cstring>

#include "base/threads.h"
#include "engine/cpu/peak/peak.h"
#include "engine/runtime/memory.h"
#include "engine/runtime/peak_rate.h"

namespace qat::engine {

namespace {

using kernels::PeakKernel;
using kernels::PeakTiles;

// Beyond any L2, and as much as the weights and activations of a large network.
constexpr size_t kFarBytes = size_t{32} << 20;
constexpr int64_t kLoopRounds = 20'000, kTileRounds = 5'000;  // some 0.1 ms

size_t rounded(size_t bytes) { return bytes / 4096 * 4096; }

}  // namespace

Roof measure_roof(int threads) {
  Team team(std::min(threads, usable_cpus()));
  const auto members = static_cast<size_t>(team.size());
  const size_t l2 = cpu().l2_bytes > 0 ? cpu().l2_bytes : size_t{256} << 10;
  const size_t near = rounded(l2 / 2), far = rounded(std::max(kFarBytes / members, 4 * l2));
  AlignedBuffer data(members * std::max(near, far));
  std::memset(data.data(), 1, data.size());
  const PeakClocks clocks = machine_clocks();
  Roof roof{.threads = team.size(), .near_size = static_cast<double>(members * l2)};
  const auto rate = [&](Peak peak, const PeakWork& work) {
    const PeakRate measured = peak_rate(team, work, clocks);
    roof.spread_of(peak) = measured.spread;
    return measured.rounds;
  };
  const auto operations = [&](Peak peak, void (*loop)(int64_t rounds), int64_t rounds, int64_t of_one) {
    return rate(peak, {.loop = loop, .rounds = rounds}) * static_cast<double>(of_one);
  };
  const PeakKernel& kernel = kernels::peak_kernel();
  const auto bytes = [&](Peak peak, size_t size) {
    return rate(peak, {.read = kernel.read, .data = data.data(), .size = size}) * static_cast<double>(size);
  };
  roof.int8_operations = operations(Peak::kInt8, kernel.int8, kLoopRounds, kernel.int8_operations);
  roof.float_operations = operations(Peak::kFloat, kernel.floats, kLoopRounds, kernel.float_operations);
  roof.near_bytes = bytes(Peak::kNear, near);
  roof.far_bytes = bytes(Peak::kFar, far);
  // Last, so that all before it is measured as on a machine without AMX.
  if (const PeakTiles* tiles = kernels::peak_tiles()) {
    roof.amx_operations = operations(Peak::kAmx, tiles->int8, kTileRounds, tiles->int8_operations);
  }
  return roof;
}

double int8_peak(const Roof& roof, std::string_view kernel) {
  return roof.amx_operations > 0 && kernels::uses_tiles(kernel) ? roof.amx_operations : roof.int8_operations;
}

Reached reached(const StepProfile& step, const Roof& roof, double all_weights) {
  if (step.precision == "bf16" || step.precision == "fp16") return {};
  const bool int8 = step.precision == "int8";
  const bool tiles = int8 && roof.amx_operations > 0 && kernels::uses_tiles(step.kernel);
  const double activations = step.bytes - step.weight_bytes;
  const double compute = step.operations / (int8 ? int8_peak(roof, step.kernel) : roof.float_operations);
  double near = 0, far = 0;  // seconds
  const auto add = [&](double bytes, double together) {
    (together > roof.near_size ? far : near) += bytes / (together > roof.near_size ? roof.far_bytes : roof.near_bytes);
  };
  add(step.weight_bytes, all_weights);
  add(activations, activations);
  const double seconds = std::max(compute, near + far);
  const double least = std::max(compute / (int8 ? kernels::most_of_peak(step.kernel) : 1),
                                step.bytes / std::max(roof.near_bytes, roof.far_bytes));
  Reached r{.bound = compute > near + far ? Bound::kCompute : Bound::kMemory,
            .peak = far > near ? Peak::kFar : Peak::kNear,
            .milliseconds = 1e3 * seconds,
            .share = step.milliseconds > 0 ? 1e3 * seconds / step.milliseconds : 0,
            .most = least > 0 ? seconds / least : 1};
  if (r.bound == Bound::kCompute) r.peak = tiles ? Peak::kAmx : int8 ? Peak::kInt8 : Peak::kFloat;
  return r;
}

}  // namespace qat::engine
