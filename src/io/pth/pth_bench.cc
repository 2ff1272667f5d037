// Reading and writing a 100 MB state dict, beside a copy of the same bytes in memory.
#include <benchmark/benchmark.h>

#include <cstring>

#include "io/state_dict.h"

namespace qat::io {
namespace {

constexpr int64_t kTensors = 25, kElements = 1'000'000;

const char* file() { return "/tmp/qat_io_bench.pth"; }

PyValue weights() {
  PyDict dict;
  for (int64_t i = 0; i < kTensors; ++i) {
    Tensor t(DType::kF32, {kElements});
    for (int64_t k = 0; k < kElements; ++k) t.data<float>()[static_cast<size_t>(k)] = static_cast<float>(k % 1000 + i);
    dict.emplace_back(cat("layer", i, ".weight"), PyValue{.data = t});
  }
  return PyValue{.data = dict};
}

void set_rate(benchmark::State& state) { state.SetBytesProcessed(state.iterations() * kTensors * kElements * 4); }

void memcpy_only(benchmark::State& state) {
  const std::vector<char> from(kTensors * kElements * 4, 1);
  std::vector<char> into(from.size(), 2);
  while (state.KeepRunning()) {
    std::memcpy(into.data(), from.data(), from.size());
    benchmark::DoNotOptimize(into.data());
  }
  set_rate(state);
}

// Mapped, parsed, every checksum verified.
void read_checked(benchmark::State& state) {
  const PyValue expected = weights();
  write_pth(file(), expected);
  const StateDict back = read_state_dict(file());
  QAT_ASSERT(back.size() == kTensors && back[3].second.data<float>()[999] == 1002);
  while (state.KeepRunning()) benchmark::DoNotOptimize(read_state_dict(file()));
  set_rate(state);
}

// The same, then copied into a graph.
void read_into_graph(benchmark::State& state) {
  write_pth(file(), weights());
  ir::Graph graph;
  for (const auto& [name, tensor] : read_state_dict(file()))
    graph.add_parameter(name, Tensor(DType::kF32, tensor.shape()));
  while (state.KeepRunning()) load_state_dict(graph, read_state_dict(file()), true);
  QAT_ASSERT(graph.values[3].data.data<float>()[999] == 1002);
  set_rate(state);
}

// To the page cache and the disk: the file is synced.
void write_synced(benchmark::State& state) {
  const PyValue value = weights();
  while (state.KeepRunning()) write_pth(file(), value);
  set_rate(state);
}

BENCHMARK(memcpy_only)->Unit(benchmark::kMillisecond);
BENCHMARK(read_checked)->Unit(benchmark::kMillisecond);
BENCHMARK(read_into_graph)->Unit(benchmark::kMillisecond);
BENCHMARK(write_synced)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace qat::io
