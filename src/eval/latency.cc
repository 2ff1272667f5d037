// Latency and throughput of an engine: see latency.h.
#include "eval/latency.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "base/tensor.h"

namespace qat::eval {

namespace {

using Clock = std::chrono::steady_clock;

double ms_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double, std::milli>(end - begin).count();
}

// Input and outputs of a session bound to a shape.
class Runner {
 public:
  Runner(engine::Session& session, const engine::InputShape& shape) : session_(session) {
    session.bind(shape);
    const bool bytes = session.plan().input_mode == engine::InputMode::kU8Nhwc;
    input_ = Tensor(bytes ? DType::kU8 : DType::kF32, Shape(shape.begin(), shape.end()));
    Random random(1);
    if (bytes) {
      for (uint8_t& x : input_.data<uint8_t>()) x = static_cast<uint8_t>(random.below(256));
    } else {
      for (float& x : input_.data<float>()) x = static_cast<float>(random.normal());
    }
    for (size_t i = 0; i < session.plan().outputs.size(); ++i) {
      outputs_.emplace_back(DType::kF32, session.output_shape(i));
      pointers_.push_back(outputs_.back().data<float>().data());
    }
  }

  void run() { session_.run(input_.raw(), pointers_); }

 private:
  engine::Session& session_;
  Tensor input_;
  std::vector<Tensor> outputs_;
  std::vector<float*> pointers_;
};

}  // namespace

double Latency::percentile(double p) const {
  std::vector<double> sorted;
  for (const Sample& sample : samples) sorted.push_back(sample.latency_ms);
  if (sorted.empty()) return 0;
  std::sort(sorted.begin(), sorted.end());
  const double rank = std::ceil(p / 100 * static_cast<double>(sorted.size()));
  const auto index = static_cast<int64_t>(rank) - 1;
  return sorted[static_cast<size_t>(std::clamp<int64_t>(index, 0, static_cast<int64_t>(sorted.size()) - 1))];
}

Latency summarize(std::vector<Sample> samples, double wall_s) {
  Latency result{.samples = std::move(samples), .wall_s = wall_s};
  if (result.samples.empty()) return result;
  std::vector<double> sorted;
  for (const Sample& sample : result.samples) sorted.push_back(sample.latency_ms);
  std::sort(sorted.begin(), sorted.end());
  const size_t n = sorted.size();
  result.min = sorted.front();
  result.max = sorted.back();
  result.mean = std::accumulate(sorted.begin(), sorted.end(), 0.0) / static_cast<double>(n);
  result.median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
  result.throughput = wall_s > 0 ? static_cast<double>(n) / wall_s : 0;
  return result;
}

Latency measure(engine::Session& session, const LatencyOptions& options) {
  Runner runner(session, options.shape);
  const auto stop = [&options] { return options.interrupted && options.interrupted(); };
  for (const auto start = Clock::now(); ms_between(start, Clock::now()) < options.warm_up_ms && !stop();) runner.run();
  std::vector<Sample> samples;
  const Clock::time_point start = Clock::now();
  double elapsed = 0;
  while (!stop() && (elapsed < options.duration_s * 1e3 || static_cast<int64_t>(samples.size()) < options.iterations)) {
    const Clock::time_point begin = Clock::now();
    runner.run();
    const Clock::time_point end = Clock::now();
    samples.push_back({.start_ms = ms_between(start, begin), .latency_ms = ms_between(begin, end)});
    elapsed = ms_between(start, end);
  }
  return summarize(std::move(samples), elapsed / 1e3);
}

Latency measure_gpu(engine::Session& session, const LatencyOptions& options) {
  constexpr int64_t kQueued = 100;  // runs between two looks at the clock
  std::vector<Sample> samples;
  double elapsed = 0;
  session.device_milliseconds(10);
  while (elapsed < options.duration_s * 500 || static_cast<int64_t>(samples.size()) < options.iterations) {
    if (options.interrupted && options.interrupted()) break;
    for (const double milliseconds : session.device_milliseconds(kQueued)) {
      samples.push_back({.start_ms = elapsed, .latency_ms = milliseconds});
      elapsed += milliseconds;
    }
  }
  return summarize(std::move(samples), elapsed / 1e3);
}

std::vector<engine::StepProfile> profile(engine::Session& session, const engine::InputShape& shape, int64_t runs) {
  Runner runner(session, shape);
  runner.run();
  session.set_profiling(true);
  for (int64_t i = 0; i < runs; ++i) runner.run();
  std::vector<engine::StepProfile> steps = session.profile();
  session.set_profiling(false);
  return steps;
}

}  // namespace qat::eval
