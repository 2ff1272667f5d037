// Uniform schedules are timed step by step, the best of each stretch are joined: see schedule.h.
#include "engine/compile/schedule.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/threads.h"
#include "engine/compile/plan_run.h"
#include "engine/compile/tactic_key.h"

namespace qat::engine {

namespace {

// Images at a time; 0: the whole batch.
using Way = int64_t;

constexpr int64_t kBatch = 4;      // at most, of the runs that are timed: what an image costs changes little after
constexpr double kSwitch = 0.006;  // of the whole, that a change of the way must bring
constexpr double kWorth = 0.99;    // of the plain schedule's time, that the chosen one may take at most
constexpr Way kTiles[] = {1, 2};   // images

// Steps [first, last) after which one tensor alone is alive.
struct Stretch {
  size_t first, last;
  bool tiles;  // may it run in tiles?
};

std::vector<Stretch> stretches(const Plan& plan) {
  std::vector<size_t> last_use(plan.tensors.size(), 0);
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    for (const int32_t id : plan.steps[i].inputs) {
      if (id >= 0) last_use[static_cast<size_t>(id)] = i;
    }
  }
  std::vector<Stretch> found;
  Stretch now{0, 0, true};
  std::vector<int32_t> alive;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& s = plan.steps[i];
    now.tiles = now.tiles && runs_in_tiles(s.op);
    if (s.output >= 0) alive.push_back(s.output);
    std::erase_if(alive, [&](int32_t id) { return last_use[static_cast<size_t>(id)] <= i; });
    if (alive.size() > 1 || s.output < 0) continue;
    found.push_back({now.first, i + 1, now.tiles});
    now = {i + 1, 0, true};
  }
  return found;
}

bool possible(const Stretch& s, Way way) { return way == 0 || s.tiles; }

// Neighbours of one way become one group.
std::vector<StepGroup> groups(const std::vector<Stretch>& all, const std::vector<Way>& ways) {
  std::vector<StepGroup> schedule;
  for (size_t i = 0; i < all.size(); ++i) {
    if (ways[i] == 0) continue;
    if (i > 0 && ways[i - 1] == ways[i]) {
      schedule.back().last = static_cast<int32_t>(all[i].last);
    } else {
      schedule.push_back({.first = static_cast<int32_t>(all[i].first),
                          .last = static_cast<int32_t>(all[i].last),
                          .images = static_cast<int32_t>(ways[i])});
    }
  }
  return schedule;
}

class Scheduler {
 public:
  Scheduler(Plan plan, const BuildRequest& request, TimingCache& cache)
      : plan_(std::move(plan)), request_(request), cache_(cache), shape_(request.profile.opt) {
    shape_[0] = std::clamp(kBatch, request.profile.min[0], std::max(request.profile.min[0], shape_[0]));
    threads_ = request.threads > 0 ? request.threads : usable_cpus();
    key_ = cat(plan_key(plan_, threads_), "|batch ", shape_[0], "|");
    stretches_ = stretches(plan_);
    ways_ = {0};
    for (const int64_t images : kTiles) {
      if (shape_[0] > images) ways_.push_back(images);
    }
  }

  std::vector<StepGroup> choose() {
    if (!known()) measure();
    std::vector<StepGroup> schedule = groups(stretches_, best_ways());
    return schedule.empty() || wins(schedule) ? schedule : std::vector<StepGroup>{};
  }

 private:
  std::string key(size_t stretch, Way way) const {
    return cat(key_, "stretch ", stretch, " of ", stretches_.size(), " images ", way);
  }

  bool known() const {
    for (size_t i = 0; i < stretches_.size(); ++i) {
      if (!cache_.find(key(i, 0))) return false;
    }
    return true;
  }

  Plan scheduled(std::vector<StepGroup> schedule) const {
    Plan plan = plan_;
    plan.schedule = std::move(schedule);
    return plan;
  }

  // The least of some rounds over all ways: two, of which the first one warms up, and more while they are cheap.
  void measure() {
    std::vector<Plan> plans;
    for (const Way way : ways_) {
      std::vector<Way> everywhere;
      everywhere.reserve(stretches_.size());
      for (const Stretch& s : stretches_) everywhere.push_back(possible(s, way) ? way : 0);
      plans.push_back(scheduled(groups(stretches_, everywhere)));
    }
    std::vector<std::unique_ptr<PlanRun>> runs;
    runs.reserve(plans.size());
    for (const Plan& plan : plans) runs.push_back(std::make_unique<PlanRun>(plan, threads_, shape_));
    std::vector<std::vector<double>> least(ways_.size(), std::vector<double>(plan_.steps.size(), 1e30));
    double spent = 0;
    for (int round = 0; round < 5 && (round < 2 || spent < request_.tactic_seconds / 2); ++round) {
      for (size_t w = 0; w < ways_.size(); ++w) {
        if (request_.callbacks.interrupted && request_.callbacks.interrupted())
          fail(Code::kFailure, "build interrupted");
        const std::vector<double> seconds = runs[w]->by_step();
        for (size_t i = 0; i < seconds.size(); ++i) {
          least[w][i] = std::min(least[w][i], seconds[i]);
          spent += seconds[i];
        }
      }
    }
    for (size_t w = 0; w < ways_.size(); ++w) {
      for (size_t s = 0; s < stretches_.size(); ++s) {
        double sum = 0;
        for (size_t i = stretches_[s].first; i < stretches_[s].last; ++i) sum += least[w][i];
        if (possible(stretches_[s], ways_[w])) cache_.add(key(s, ways_[w]), rounded_time(1e6 * sum));
      }
    }
  }

  // The cheapest row of ways, changes included.
  std::vector<Way> best_ways() const {
    const size_t count = ways_.size();
    double plain = 0;
    for (size_t s = 0; s < stretches_.size(); ++s) plain += cache_.find(key(s, 0)).value_or(0);
    std::vector<double> total(count, 0);
    std::vector<std::vector<size_t>> from;
    for (size_t s = 0; s < stretches_.size(); ++s) {
      std::vector<double> next(count);
      from.emplace_back(count);
      const auto cheapest = static_cast<size_t>(std::min_element(total.begin(), total.end()) - total.begin());
      for (size_t w = 0; w < count; ++w) {
        const bool stays = total[w] <= total[cheapest] + kSwitch * plain;
        from[s][w] = stays ? w : cheapest;
        next[w] = (stays ? total[w] : total[cheapest] + kSwitch * plain) + cache_.find(key(s, ways_[w])).value_or(1e30);
      }
      total = next;
    }
    std::vector<Way> ways(stretches_.size());
    auto w = static_cast<size_t>(std::min_element(total.begin(), total.end()) - total.begin());
    for (size_t s = stretches_.size(); s-- > 0; w = from[s][w]) ways[s] = ways_[w];
    return ways;
  }

  bool wins(const std::vector<StepGroup>& schedule) {
    const std::string plain_key = key_ + "plain", mixed_key = key_ + "depth first";
    if (!cache_.find(plain_key) || !cache_.find(mixed_key)) {
      const Plan mixed = scheduled(schedule);
      PlanRun one(plan_, threads_, shape_), other(mixed, threads_, shape_);
      double plain = 1e30, deep = 1e30, spent = 0;
      for (int i = 0; i < 5 && (i < 2 || spent < request_.tactic_seconds / 4); ++i) {
        const double a = one.seconds(), b = other.seconds();
        plain = std::min(plain, a), deep = std::min(deep, b), spent += a + b;
      }
      cache_.add(plain_key, rounded_time(1e6 * plain)), cache_.add(mixed_key, rounded_time(1e6 * deep));
    }
    return *cache_.find(mixed_key) < kWorth * *cache_.find(plain_key);
  }

  const Plan plan_;
  const BuildRequest& request_;
  TimingCache& cache_;
  InputShape shape_;
  int threads_ = 1;
  std::string key_;
  std::vector<Stretch> stretches_;
  std::vector<Way> ways_;
};

std::string describe(const Plan& plan, const StepGroup& g) {
  return cat("depth first: ", plan.steps[static_cast<size_t>(g.first)].name, " to ",
             plan.steps[static_cast<size_t>(g.last) - 1].name, " in tiles of ", g.images, " image",
             g.images == 1 ? "" : "s");
}

}  // namespace

void choose_schedule(Draft& draft, const BuildRequest& request, TimingCache& cache, BuildReport& report) {
  PassReport pass{.name = std::string(kDepthFirst)};
  const auto& disabled = request.disabled_passes;
  pass.disabled = std::find(disabled.begin(), disabled.end(), pass.name) != disabled.end();
  const auto start = std::chrono::steady_clock::now();
  if (!pass.disabled && request.tactic_seconds > 0 && request.profile.opt[0] > 1) {
    draft.plan.schedule = Scheduler(Draft(draft).finish(), request, cache).choose();
    for (const StepGroup& g : draft.plan.schedule) report.notes.push_back(describe(draft.plan, g));
  }
  pass.milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  report.passes.push_back(pass);
}

}  // namespace qat::engine
