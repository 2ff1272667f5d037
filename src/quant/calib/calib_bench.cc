// Time of Histogram::add a value, and of every calibrator a tensor; the counts are checked first.
#include <benchmark/benchmark.h>

#include <cmath>
#include <numeric>

#include "base/random.h"
#include "quant/calib/calibrator.h"

namespace qat::quant {
namespace {

// As after a ReLU (half zeros) or before it.
std::vector<float> activations(bool relu) {
  std::vector<float> v(1 << 20);
  Random random(1);
  for (float& x : v) {
    x = static_cast<float>(random.normal());
    if (relu && x < 0) x = 0;
  }
  return v;
}

void histogram_add(benchmark::State& state) {
  const std::vector<float> v = activations(state.range(0) != 0);
  Histogram h;
  h.add(v);
  if (std::accumulate(h.counts().begin(), h.counts().end(), int64_t{0}) != static_cast<int64_t>(v.size()))
    return state.SkipWithError("counts are wrong");
  while (state.KeepRunning()) h.add(v);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(v.size()));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(v.size() * sizeof(float)));
}
BENCHMARK(histogram_add)->ArgName("relu")->Arg(0)->Arg(1);

void calibrator(benchmark::State& state) {
  const std::string name = calibrator_names().at(static_cast<size_t>(state.range(0)));
  Histogram h;
  h.add(activations(false));
  while (state.KeepRunning()) benchmark::DoNotOptimize(choose_range(h, name, 99.99).amax);
  state.SetLabel(name);
}
BENCHMARK(calibrator)->DenseRange(0, 4)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace qat::quant

BENCHMARK_MAIN();
