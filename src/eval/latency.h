// Latency and throughput of an engine, with trtexec's meaning of warm-up, duration, iterations and percentiles.
#pragma once

#include <functional>
#include <vector>

#include "engine/runtime/session.h"

namespace qat::eval {

struct LatencyOptions {
  engine::InputShape shape{1, 1, 1, 1};
  double warm_up_ms = 200;
  double duration_s = 3;              // at least so long
  int64_t iterations = 10;            // and at least so many runs
  std::function<bool()> interrupted;  // may be empty
};

struct Sample {
  double start_ms = 0;  // since the first run
  double latency_ms = 0;
};

struct Latency {
  std::vector<Sample> samples;
  double min = 0, max = 0, mean = 0, median = 0;  // ms
  double throughput = 0;                          // runs a second, wall clock
  double wall_s = 0;

  double percentile(double p) const;  // the smallest latency that p per cent of the runs do not exceed
};

// Runs the bound session on seeded noise: f32 normal, or u8 uniform, as the plan's input mode says.
Latency measure(engine::Session& session, const LatencyOptions& options);

// GPU engines: GPU time of runs queued back to back on the input of measure(), half as long as it; the host's part and
// the copies are not in it.
Latency measure_gpu(engine::Session& session, const LatencyOptions& options);

// Figures of samples (measure's own are made so).
Latency summarize(std::vector<Sample> samples, double wall_s);

// The same runs once more with profiling on, `runs` of them.
std::vector<engine::StepProfile> profile(engine::Session& session, const engine::InputShape& shape, int64_t runs);

}  // namespace qat::eval
