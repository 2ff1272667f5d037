// Uniform schedules and kernels are timed step by step, the best of each stretch are joined: see run_choices.h.
#include "engine/compile/run_choices.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/measure.h"
#include "base/threads.h"
#include "engine/compile/plan_run.h"
#include "engine/compile/stretches.h"
#include "engine/compile/tactic_key.h"

namespace qat::engine {

namespace {

constexpr int64_t kBatch = 4;          // of the runs that are timed, unless members of a team would have less than two
constexpr int kLeastRatios = 5;        // of neighbouring runs, of which the median counts
constexpr double kSwitch = 0.006;      // of the whole, that a change of the way must bring
constexpr double kWorth = 0.99;        // of the plain schedule's time, that the chosen one may take at most
constexpr Way kTiles[] = {1, 2};       // images
constexpr double kAlternative = 0.98;  // of the plain kernel's time, that another one may take at most

// Microseconds of all steps under one schedule, with one choice of kernels.
using Times = std::vector<double>;

// The draft with all its alternatives taken, or with those that `takes` says.
template <class Takes>
Draft with_alternatives(Draft draft, const Takes& takes) {
  for (size_t i = 0; i < draft.alternatives.size(); ++i) {
    const Alternative& a = draft.alternatives[i];
    if (!takes(i)) continue;
    draft.plan.steps[a.step].kernel = a.kernel;
    draft.plan.isa = std::max(draft.plan.isa, a.isa);
  }
  return draft;
}

struct Choice {
  std::vector<StepGroup> schedule;
  std::vector<bool> takes;  // by alternative
};

class Chooser {
 public:
  Chooser(const Draft& draft, bool depth_first, const BuildRequest& request, TimingCache& cache)
      : draft_(draft), request_(request), cache_(cache), shape_(request.profile.opt) {
    threads_ = request.threads > 0 ? request.threads : usable_cpus();
    shape_[0] = std::min(shape_[0], std::max<int64_t>(kBatch, 2 * threads_));  // an image then costs as it does of more
    stretches_ = stretches(draft.plan);
    ways_ = {0};
    for (const int64_t images : kTiles) {
      if (depth_first && shape_[0] > images) ways_.push_back(images);
    }
    const Draft all = with_alternatives(draft, [](size_t) { return true; });
    key_ = cat(plan_key(draft.plan, threads_), "|", plan_key(all.plan, threads_), "|batch ", shape_[0], "|");
  }

  Choice choose() {
    if (!known()) measure();
    const std::vector<Way> ways = best_ways();
    Choice choice{.schedule = groups(stretches_, ways), .takes = {}};
    for (size_t a = 0, s = 0; a < draft_.alternatives.size(); ++a) {
      while (stretches_[s].last <= draft_.alternatives[a].step) ++s;
      choice.takes.push_back(gain(a, ways[s]) > 0);
    }
    return settle(choice);
  }

 private:
  std::string key(size_t stretch, Way way) const {
    return cat(key_, "stretch ", stretch, " of ", stretches_.size(), " images ", way);
  }
  std::string key(size_t alternative, Way way, bool taken) const {
    const Alternative& a = draft_.alternatives[alternative];
    return cat(key_, "step ", a.step, " images ", way, taken ? " with " : " without ", a.kernel);
  }

  bool known() const {
    for (const Way way : ways_) {
      for (size_t s = 0; s < stretches_.size(); ++s) {
        if (possible(stretches_[s], way) && !cache_.find(key(s, way))) return false;
      }
      for (size_t a = 0; a < draft_.alternatives.size(); ++a) {
        if (!cache_.find(key(a, way, false)) || !cache_.find(key(a, way, true))) return false;
      }
    }
    return true;
  }

  // What an alternative saves.
  double gain(size_t alternative, Way way) const {
    const double without = cache_.find(key(alternative, way, false)).value_or(0);
    return kAlternative * without - cache_.find(key(alternative, way, true)).value_or(1e30);
  }

  // Of a stretch, with the alternatives that are faster there.
  double cost(size_t stretch, Way way) const {
    double sum = cache_.find(key(stretch, way)).value_or(1e30);
    for (size_t a = 0; a < draft_.alternatives.size(); ++a) {
      const size_t step = draft_.alternatives[a].step;
      if (step >= stretches_[stretch].first && step < stretches_[stretch].last) sum -= std::max(0.0, gain(a, way));
    }
    return sum;
  }

  Plan scheduled(Plan plan, std::vector<StepGroup> schedule) const {
    plan.profile.min[0] = std::min(plan.profile.min[0], shape_[0]);  // trials take fewer images than a fixed batch has
    plan.schedule = std::move(schedule);
    return plan;
  }

  // The least of some rounds over all ways, without alternatives and with all: two rounds, of which the first one warms
  // up, and more while they are cheap.
  void measure() {
    std::vector<Plan> plans;
    std::vector<Plan> kinds{packed(draft_)};
    if (!draft_.alternatives.empty()) kinds.push_back(packed(with_alternatives(draft_, [](size_t) { return true; })));
    for (const Plan& kind : kinds) {
      for (const Way way : ways_) {
        std::vector<Way> everywhere;
        everywhere.reserve(stretches_.size());
        for (const Stretch& s : stretches_) everywhere.push_back(possible(s, way) ? way : 0);
        plans.push_back(scheduled(kind, groups(stretches_, everywhere)));
      }
    }
    std::vector<std::unique_ptr<PlanRun>> runs;
    runs.reserve(plans.size());
    for (const Plan& plan : plans) runs.push_back(std::make_unique<PlanRun>(plan, threads_, shape_));
    std::vector<Times> least(plans.size(), Times(draft_.plan.steps.size(), 1e30));
    double spent = 0;
    for (int round = 0; round < 9 && (round < 2 || spent < request_.tactic_seconds / 5); ++round) {
      for (size_t r = 0; r < runs.size(); ++r) {
        poll();
        if (kinds.size() > 1 && round > 0) spent += warm_up(*runs[r]);
        const std::vector<double> seconds = runs[r]->by_step();
        for (size_t i = 0; i < seconds.size(); ++i) {
          least[r][i] = std::min(least[r][i], 1e6 * seconds[i]);
          spent += seconds[i];
        }
      }
    }
    for (size_t w = 0; w < ways_.size(); ++w) note(w, least[w], least[(kinds.size() - 1) * ways_.size() + w]);
  }

  // Between runs of two plans: the other one's weights have taken the place of its own in cache. Of four images' time
  // that is 2 %, which both pay.
  double warm_up(PlanRun& run) const { return shape_[0] < kBatch ? run.seconds() : 0; }

  void note(size_t w, const Times& without, const Times& with) {
    for (size_t s = 0; s < stretches_.size(); ++s) {
      double sum = 0;
      for (size_t i = stretches_[s].first; i < stretches_[s].last; ++i) sum += without[i];
      if (possible(stretches_[s], ways_[w])) cache_.add(key(s, ways_[w]), rounded_time(sum));
    }
    for (size_t a = 0; a < draft_.alternatives.size(); ++a) {
      const size_t step = draft_.alternatives[a].step;
      cache_.add(key(a, ways_[w], false), rounded_time(without[step]));
      cache_.add(key(a, ways_[w], true), rounded_time(with[step]));
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
        // The first stretch in tiles does not find its input in cache, as it did in a run all in tiles.
        const double input = ways_[cheapest] == 0 ? std::max(0.0, cost(s, 0) - cost(s, ways_[w])) : 0;
        const double change = kSwitch * plain + input;
        const bool stays = total[w] <= total[cheapest] + change;
        from[s][w] = stays ? w : cheapest;
        next[w] = (stays ? total[w] : total[cheapest] + change) + cost(s, ways_[w]);
      }
      total = next;
    }
    std::vector<Way> ways(stretches_.size());
    auto w = static_cast<size_t>(std::min_element(total.begin(), total.end()) - total.begin());
    for (size_t s = stretches_.size(); s-- > 0; w = from[s][w]) ways[s] = ways_[w];
    return ways;
  }

  // The choice or a half of it, where the whole run gets faster.
  Choice settle(const Choice& best) {
    if (faster(best, Choice{})) return best;
    const Choice schedule{.schedule = best.schedule, .takes = {}}, kernels{.schedule = {}, .takes = best.takes};
    if (taken(best) == 0 || best.schedule.empty()) return {};  // then the one that is there has just lost
    return faster(schedule, Choice{}) ? schedule : faster(kernels, Choice{}) ? kernels : Choice{};
  }

  void poll() const {
    if (request_.callbacks.interrupted && request_.callbacks.interrupted()) fail(Code::kFailure, "build interrupted");
  }

  static int64_t taken(const Choice& choice) { return std::count(choice.takes.begin(), choice.takes.end(), true); }

  Plan plan_of(const Choice& choice) const {
    const auto takes = [&](size_t i) { return i < choice.takes.size() && choice.takes[i]; };
    return scheduled(packed(with_alternatives(draft_, takes)), choice.schedule);
  }

  std::string key(const Choice& choice) const {
    std::string text = key_ + "run";
    for (const StepGroup& g : choice.schedule) text += cat(" ", g.first, "-", g.last, "x", g.images);
    for (size_t a = 0; a < choice.takes.size(); ++a)
      if (choice.takes[a]) text += cat(" +", draft_.alternatives[a].step);
    return text;
  }

  // Is the whole faster with one choice than kWorth of its time with another? By the median of what rounds of both
  // say: a clock that moves changes the least time of either by more than the choices differ.
  bool faster(const Choice& one, const Choice& other) {
    if (key(one) == key(other)) return false;
    const std::string keys[2] = {cat(key(one), " beside ", key(other)), cat(key(other), " beside ", key(one))};
    if (!cache_.find(keys[0]) || !cache_.find(keys[1])) {
      const Plan plans[2] = {plan_of(one), plan_of(other)};
      PlanRun runs[2] = {{plans[0], threads_, shape_}, {plans[1], threads_, shape_}};
      std::vector<double> ratios, others;
      double spent = 0;
      const double enough = request_.tactic_seconds / 5, most = request_.tactic_seconds;
      for (int i = 0; i < 12 && (i < 2 || spent < (i <= kLeastRatios ? most : enough)); ++i) {
        double seconds[2];
        for (const int r : {0, 1}) {
          poll();
          if (i > 0) spent += warm_up(runs[r]);
          spent += seconds[r] = runs[r].seconds();
        }
        if (i > 0) ratios.push_back(seconds[0] / seconds[1]), others.push_back(seconds[1]);
      }
      const double ratio = median(ratios), microseconds = 1e6 * median(others);
      cache_.add(keys[0], ratio * microseconds);
      cache_.add(keys[1], microseconds);
    }
    return *cache_.find(keys[0]) < kWorth * *cache_.find(keys[1]);
  }

  const Draft& draft_;
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

PassReport pass_named(std::string_view name, const BuildRequest& request) {
  const auto& disabled = request.disabled_passes;
  return {.name = std::string(name), .disabled = std::find(disabled.begin(), disabled.end(), name) != disabled.end()};
}

void choose(Draft& draft, bool depth_first, const BuildRequest& request, TimingCache& cache, BuildReport& report) {
  if (!depth_first && draft.alternatives.empty()) return;
  const Choice choice = Chooser(draft, depth_first, request, cache).choose();
  for (size_t i = 0; i < choice.takes.size(); ++i) {
    const Alternative& a = draft.alternatives[i];
    if (!choice.takes[i]) continue;
    report.layers[a.step].kernel = a.kernel;
    report.layers[a.step].milliseconds = a.milliseconds;
  }
  if (const auto all = draft.alternatives.size(); all > 0) {
    const auto taken = std::count(choice.takes.begin(), choice.takes.end(), true);
    report.notes.push_back(cat("winograd: taken by ", taken, " of the ", all, " layers that it is for"));
  }
  if (!choice.takes.empty()) draft = with_alternatives(std::move(draft), [&](size_t i) { return choice.takes[i]; });
  draft.plan.schedule = choice.schedule;
  for (const StepGroup& g : choice.schedule) report.notes.push_back(describe(draft.plan, g));
}

}  // namespace

void choose_in_runs(Draft& draft, const BuildRequest& request, TimingCache& cache, BuildReport& report) {
  const PassReport winograd = pass_named(kWinograd, request);
  PassReport depth_first = pass_named(kDepthFirst, request);
  const auto start = std::chrono::steady_clock::now();
  if (winograd.disabled) draft.alternatives.clear();
  if (request.tactic_seconds > 0)
    choose(draft, !depth_first.disabled && request.profile.opt[0] > 1, request, cache, report);
  depth_first.milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  report.passes.push_back(winograd);
  report.passes.push_back(depth_first);
}

}  // namespace qat::engine
