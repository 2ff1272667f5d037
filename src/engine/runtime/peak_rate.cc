// Attempts by two clocks: see peak_rate.h.
#include "engine/runtime/peak_rate.h"

#include <algorithm>
#include <ctime>
#include <utility>
#include <vector>

#include "base/measure.h"

namespace qat::engine {

namespace {

constexpr double kAttempt = 2e-3;
constexpr int kAttempts = 12, kMostAttempts = 100 * kAttempts;
constexpr double kTicks = 50;  // of the cores' clock in an attempt at least: it may be wrong by one, 2 %

// One attempt after the other, of the same work.
class Attempts {
 public:
  Attempts(Team& team, const PeakWork& work, const PeakClocks& clocks)
      : team_(team), work_(work), clocks_(clocks), core_(static_cast<size_t>(team.size())) {}

  // Of `rounds` a member; returns the seconds on the wall.
  double run(int64_t rounds) {
    work_.rounds = rounds;
    const double start = clocks_.wall();
    team_.run(member, this);
    return clocks_.wall() - start;
  }

  // Rounds per second of the last one by core time; 0 where that is too short to tell.
  double by_core() const {
    double sum = 0;
    for (const double own : core_) {
      if (own <= 0 || own < kTicks * clocks_.core_tick) return 0;
      sum += static_cast<double>(work_.rounds) / own;
    }
    return sum;
  }

 private:
  static void member(void* context, int index) {
    Attempts& a = *static_cast<Attempts*>(context);
    const double start = a.clocks_.core();
    a.work(index);
    a.core_[static_cast<size_t>(index)] = a.clocks_.core() - start;
  }

  void work(int index) const {
    if (work_.loop != nullptr) return work_.loop(work_.rounds);
    const std::byte* own = work_.data + static_cast<size_t>(index) * work_.size;
    for (int64_t i = 0; i < work_.rounds; ++i) work_.read(own, work_.size);
  }

  Team& team_;
  PeakWork work_;
  PeakClocks clocks_;
  std::vector<double> core_;  // seconds of each member
};

}  // namespace

PeakClocks machine_clocks() {
  timespec tick{};
  clock_getres(CLOCK_THREAD_CPUTIME_ID, &tick);
  return {.wall = wall_seconds,
          .core = thread_seconds,
          .core_tick = static_cast<double>(tick.tv_sec) + 1e-9 * static_cast<double>(tick.tv_nsec)};
}

PeakRate peak_rate(Team& team, const PeakWork& work, const PeakClocks& clocks) {
  const bool fine = kTicks * clocks.core_tick <= kAttempt, by_core = fine && work.loop != nullptr;
  Attempts attempts(team, work, clocks);
  const double members = team.size();
  std::vector<double> walled;
  double best_own = 0, best_walled = 0, spent = 0;
  int64_t rounds = work.rounds;
  // The first attempts may be so short that a dozen says nothing.
  for (int i = 0; i < kAttempts || (spent < kAttempts * kAttempt && i < kMostAttempts); ++i) {
    const double wall = attempts.run(rounds);
    spent += wall;
    best_own = std::max(best_own, fine ? attempts.by_core() : 0);
    if (wall > 0) {
      walled.push_back(members * static_cast<double>(rounds) / wall);
      best_walled = std::max(best_walled, walled.back());
    }
    // By the wall, an attempt that waits for its cores would stay as short as it is.
    const double sure = fine ? best_own : best_walled;
    rounds = sure > 0 ? std::max(work.rounds, static_cast<int64_t>(sure / members * kAttempt)) : 2 * rounds;
  }
  const double best = by_core && best_own > 0 ? best_own : best_walled;  // 0: the cores' clock stood still
  return {.rounds = best, .spread = walled.empty() ? 0 : std::max(0.0, 1 - median(std::move(walled)) / best)};
}

}  // namespace qat::engine
