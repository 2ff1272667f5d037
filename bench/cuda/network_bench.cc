// Whole networks of the zoo on a GPU: build, load, GPU time by events, and the layers that take most of it.
//
//   network_bench [nets, resnet50,mobilenet_v2] [precisions, int8,fp16] [batches, 1,8,64,256] [layers to print, 0]
//   [passes to leave out]
//
// Scales are placeholders and weights random: for time only. Results are checked by cuda_network_test.cc.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "base/error.h"
#include "engine/compile/build.h"
#include "engine/runtime/session.h"
#include "zoo/zoo.h"

namespace {

using namespace qat;  // NOLINT: a program

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Figures {
  double least, median;
};
Figures gpu_time(engine::Session& session) {
  session.device_milliseconds(5);
  std::vector<double> times = session.device_milliseconds(60);
  std::sort(times.begin(), times.end());
  return {times.front(), times[times.size() / 2]};
}

void print_layers(engine::Session& session, const void* input, float* output, size_t most) {
  session.set_profiling(true);
  for (int i = 0; i < 10; ++i) session.run(input, {output});
  std::vector<engine::StepProfile> steps = session.profile();
  session.set_profiling(false);
  double total = 0;
  for (const auto& step : steps) total += step.milliseconds;
  std::printf("  %zu steps one by one: %.4f ms\n", steps.size(), total);
  std::stable_sort(steps.begin(), steps.end(),
                   [](const auto& a, const auto& b) { return a.milliseconds > b.milliseconds; });
  for (size_t i = 0; i < std::min(most, steps.size()); ++i) {
    const engine::StepProfile& s = steps[i];
    std::printf("  %8.4f ms %7.1f TOP/s %7.1f GB/s  %s %s\n", s.milliseconds, s.operations / s.milliseconds / 1e9,
                s.bytes / s.milliseconds / 1e6, s.name.c_str(), s.kernel.c_str());
  }
}

void bench(const ir::Graph& graph, const std::string& net, const std::string& precision, int64_t batch, size_t layers,
           const std::vector<std::string>& disabled) {
  engine::BuildRequest request{.graph = graph, .precision = precision, .device = engine::Device::kCuda};
  const engine::InputShape shape{batch, 3, 224, 224};
  request.profile = {shape, shape, shape};
  request.timing_cache = "network_bench.cache";
  request.disabled_passes = disabled;
  auto start = Clock::now();
  const auto plan = std::make_shared<const engine::Plan>(engine::build(std::move(request)).plan);
  const double build_s = seconds_since(start);
  start = Clock::now();
  engine::Session session(plan);
  session.bind(shape);
  const double open_s = seconds_since(start);
  const std::vector<float> input(static_cast<size_t>(batch * 3 * 224 * 224), 0.25f);
  std::vector<float> output(static_cast<size_t>(batch * plan->outputs[0].channels));
  session.run(input.data(), {output.data()});
  start = Clock::now();
  for (int i = 0; i < 5; ++i) session.run(input.data(), {output.data()});
  const double whole_ms = seconds_since(start) * 200;
  const Figures time = gpu_time(session);
  std::printf(
      "%-13s %-5s batch %3d: GPU %8.4f ms median, %8.4f least, %8.0f images/s; with copies %8.3f ms; build "
      "%.2f s, open %.0f ms, arena %.0f MiB\n",
      net.c_str(), precision.c_str(), static_cast<int>(batch), time.median, time.least,
      static_cast<double>(batch) / time.median * 1e3, whole_ms, build_s, open_s * 1e3,
      static_cast<double>(session.arena_bytes()) / (1 << 20));
  if (layers > 0) print_layers(session, input.data(), output.data(), layers);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int i, const char* fallback) { return std::string(argc > i ? argv[i] : fallback); };
  const size_t layers = std::stoul(argument(4, "0"));
  std::vector<std::string> disabled;
  if (argc > 5) disabled = split(argv[5], ',');
  int failures = 0;
  for (const std::string& net : split(argument(1, "resnet50,mobilenet_v2"), ',')) {
    ir::Graph graph = zoo::build(net, {});
    zoo::initialize(graph, 1);
    for (const std::string& precision : split(argument(2, "int8,fp16"), ',')) {
      for (const std::string& batch : split(argument(3, "1,8,64,256"), ',')) {
        try {
          bench(graph, net, precision, std::stoll(batch), layers, disabled);
        } catch (const std::exception& error) {
          std::printf("%s %s batch %s: %s\n", net.c_str(), precision.c_str(), batch.c_str(), error.what());
          ++failures;
        }
      }
    }
  }
  return failures == 0 ? 0 : 1;
}
