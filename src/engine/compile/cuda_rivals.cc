// One replaced kernel after another, each timed as a graph: see cuda_rivals.h.
#include "engine/compile/cuda_rivals.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "engine/compile/tactic_key.h"
#include "engine/runtime/session.h"

namespace qat::engine {

namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

constexpr double kWorth = 0.998;  // of the time so far, that a rival may take at most: the noise of what is measured

// Milliseconds of a run at the optimal shape: the mean of the faster half of a few.
double time_network(const Plan& plan) {
  constexpr double kMilliseconds = 15;  // to spend
  Session session(std::shared_ptr<const Plan>(&plan, [](const Plan*) {}));
  session.bind(plan.profile.opt);
  const double first = session.device_milliseconds(3).back();
  std::vector<double> times =
      session.device_milliseconds(std::clamp<int64_t>(std::llround(kMilliseconds / first), 5, 60));
  std::sort(times.begin(), times.end());
  times.resize(times.size() / 2 + 1);
  return std::accumulate(times.begin(), times.end(), 0.0) / static_cast<double>(times.size());
}

void name_kernel(Plan& plan, const Rivals& rivals, const std::string& kernel) {
  for (const size_t step : rivals.steps) plan.steps[step].kernel = kernel;
}

class Settler {
 public:
  Settler(Draft& draft, const BuildRequest& request, const std::string& gpu, TimingCache& cache)
      : draft_(draft), request_(request), gpu_(gpu), cache_(cache), plan_(Draft(draft).finish()) {}

  // Microseconds of the network before and after; nothing past the budget.
  std::optional<std::pair<double, double>> settle(const std::vector<Rivals>& rivals, BuildReport& report) {
    const std::optional<double> before = time();
    if (!before) return std::nullopt;
    double least = *before;
    for (const Rivals& r : rivals) {
      std::string best = r.kernels.front();
      for (size_t i = 1; i < r.kernels.size(); ++i) {
        name_kernel(plan_, r, r.kernels[i]);
        const std::optional<double> now = time();
        if (now && *now < kWorth * least) least = *now, best = r.kernels[i];
      }
      name_kernel(plan_, r, best), name_kernel(draft_.plan, r, best);
      for (const size_t step : r.steps) report.layers[step].kernel = best;
    }
    return std::pair(*before, least);
  }

 private:
  std::optional<double> time() {
    if (request_.callbacks.interrupted && request_.callbacks.interrupted()) fail(Code::kFailure, "build interrupted");
    const std::string key = cat(gpu_, "|", plan_key(plan_, 1));
    if (!cache_.find(key)) {
      if (seconds_since(start_) > request_.tactic_seconds) return std::nullopt;
      cache_.add(key, std::round(1e5 * time_network(plan_)) / 100);  // as many digits as the cache's file keeps
    }
    return cache_.find(key);
  }

  Draft& draft_;
  const BuildRequest& request_;
  const std::string& gpu_;
  TimingCache& cache_;
  Plan plan_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace

void settle_rivals(Draft& draft, const BuildRequest& request, const std::string& gpu, std::vector<Rivals> rivals,
                   TimingCache& cache, BuildReport& report) {
  PassReport pass{.name = std::string(kWholeNetwork)};
  const auto& disabled = request.disabled_passes;
  pass.disabled = std::find(disabled.begin(), disabled.end(), pass.name) != disabled.end();
  std::erase_if(rivals, [](const Rivals& r) { return r.kernels.size() < 2; });
  const auto weight = [](const Rivals& r) { return r.milliseconds * static_cast<double>(r.steps.size()); };
  std::stable_sort(rivals.begin(), rivals.end(),
                   [&](const Rivals& a, const Rivals& b) { return weight(a) > weight(b); });
  const auto start = Clock::now();
  if (!pass.disabled && request.tactic_seconds > 0 && !rivals.empty()) {
    if (const auto times = Settler(draft, request, gpu, cache).settle(rivals, report))
      report.notes.push_back(cat("kernels of close times tried in the whole network: ", 1e-3 * times->first,
                                 " ms became ", 1e-3 * times->second));
  }
  pass.milliseconds = 1e3 * seconds_since(start);
  report.passes.push_back(pass);
}

}  // namespace qat::engine
