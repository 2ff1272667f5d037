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

void name_kernel(Plan& plan, const Rivals& rivals, const Rival& rival) {
  for (const size_t step : rivals.steps) plan.steps[step].kernel = rival.kernel;
}

// The chosen one of each Rivals; microseconds of the network with the first ones and with these.
struct Settled {
  double before = 0, after = 0;
  std::vector<Rival> chosen;
};

class Settler {
 public:
  Settler(const Draft& draft, const RivalTrials& trials, TimingCache& cache)
      : trials_(trials), cache_(cache), plan_(Draft(draft).finish()) {}

  // Nothing where the budget has no room for the first run.
  std::optional<Settled> settle() {
    const std::optional<double> before = time();
    if (!before) return std::nullopt;
    Settled settled{.before = *before, .after = *before, .chosen = {}};
    for (const Rivals& r : trials_.rivals) {
      Rival best = r.kernels.front();
      for (size_t i = 1; i < r.kernels.size(); ++i) {
        name_kernel(plan_, r, r.kernels[i]);
        const std::optional<double> now = time();
        if (now && *now < kWorth * settled.after) settled.after = *now, best = r.kernels[i];
      }
      name_kernel(plan_, r, best);
      settled.chosen.push_back(best);
    }
    return settled;
  }

 private:
  std::optional<double> time() {
    const BuildRequest& request = trials_.request;
    if (request.callbacks.interrupted && request.callbacks.interrupted()) fail(Code::kFailure, "build interrupted");
    const std::string key = cat(trials_.gpu, "|", plan_key(plan_, 1));
    if (!cache_.find(key)) {
      if (seconds_since(start_) > request.tactic_seconds) return std::nullopt;
      cache_.add(key, 1e3 * trials_.milliseconds(plan_));
    }
    return cache_.find(key);
  }

  const RivalTrials& trials_;
  TimingCache& cache_;
  Plan plan_;
  Clock::time_point start_ = Clock::now();
};

void settle(Draft& draft, const RivalTrials& trials, TimingCache& cache, BuildReport& report) {
  const std::optional<Settled> settled = Settler(draft, trials, cache).settle();
  if (!settled) return;
  for (size_t i = 0; i < trials.rivals.size(); ++i) {
    name_kernel(draft.plan, trials.rivals[i], settled->chosen[i]);
    for (const size_t step : trials.rivals[i].steps) {
      report.layers[step].kernel = settled->chosen[i].kernel;
      report.layers[step].milliseconds = settled->chosen[i].milliseconds;
    }
  }
  report.notes.push_back(cat("kernels of close times tried in the whole network: ", 1e-3 * settled->before,
                             " ms became ", 1e-3 * settled->after));
}

}  // namespace

// The mean of the faster half of a few runs.
double network_milliseconds(const Plan& plan) {
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

void settle_rivals(Draft& draft, RivalTrials trials, TimingCache& cache, BuildReport& report) {
  PassReport pass{.name = std::string(kWholeNetwork)};
  const auto& disabled = trials.request.disabled_passes;
  pass.disabled = std::find(disabled.begin(), disabled.end(), pass.name) != disabled.end();
  std::erase_if(trials.rivals, [](const Rivals& r) { return r.kernels.size() < 2; });
  const auto weight = [](const Rivals& r) {
    return r.kernels.front().milliseconds * static_cast<double>(r.steps.size());
  };
  std::stable_sort(trials.rivals.begin(), trials.rivals.end(),
                   [&](const Rivals& a, const Rivals& b) { return weight(a) > weight(b); });
  const auto start = Clock::now();
  if (!pass.disabled && trials.request.tactic_seconds > 0 && !trials.rivals.empty()) {
    try {
      settle(draft, trials, cache, report);
    } catch (const Error& error) {  // the engine may yet run where more is free, or at a smaller shape
      if (error.code() != Code::kOutOfMemory) throw;
      report.notes.push_back(cat("kernels chosen by their own trials alone, since the whole network was not timed (",
                                 error.what(), "); --disable-pass=", kWholeNetwork, " leaves that out"));
    }
  }
  pass.milliseconds = 1e3 * seconds_since(start);
  report.passes.push_back(pass);
}

}  // namespace qat::engine
