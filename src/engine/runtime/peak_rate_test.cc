// Peaks on a machine whose clocks and speed are known: none is above what it can do, whatever else it does.
#include "engine/runtime/peak_rate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

namespace qat::engine {
namespace {

constexpr double kLoops = 1e6, kReads = 1e5;  // per second: of a loop by one core; of reads by all cores together

// A machine of two cores. Its clocks go on by what is done on it.
struct Machine {
  std::atomic<double> wall{0};
  std::atomic<int64_t> runs{0};
  int busy = 0;     // of four attempts that many are on a busy machine, where the members run one after the other
  double tick = 0;  // of the cores' clock
  double late = 0;  // by how much members start late
};
Machine machine;
thread_local double core = 0;
constexpr int kMembers = 2;

// Did another process take a core in this attempt? Both members of an attempt say the same.
bool crowded() { return machine.runs.fetch_add(1) / kMembers % 4 < machine.busy; }

void add_wall(double seconds) { machine.wall.fetch_add(seconds); }

void loop(int64_t rounds) {
  const double seconds = static_cast<double>(rounds) / kLoops;
  core += seconds;
  add_wall(crowded() ? 3 * seconds : seconds / kMembers);  // alone, and behind the other process
}

// Two members at once share the memory's rate; where they read in turn, each has all of it.
void read(const std::byte*, size_t) {
  core += (machine.busy > 0 ? 1 : kMembers) / kReads;
  add_wall(1 / kReads);
}

double wall_now() {
  add_wall(machine.late);
  return machine.wall;
}
double core_now() { return machine.tick > 0 ? std::floor(core / machine.tick) * machine.tick : core; }

PeakRate rate_of(const PeakWork& work, int busy, double tick = 0) {
  machine.wall = 0, machine.runs = 0, machine.busy = busy, machine.tick = tick;
  Team team(kMembers);
  return peak_rate(team, work, {.wall = wall_now, .core = core_now, .core_tick = tick});
}

constexpr PeakWork kLoop{.loop = loop, .rounds = 100};
constexpr PeakWork kRead{.read = read};

TEST(PeakRate, OfAnIdleMachineBothClocksSayTheSame) {
  const PeakRate looped = rate_of(kLoop, 0), passes = rate_of(kRead, 0);
  EXPECT_NEAR(looped.rounds, kMembers * kLoops, 1e-3 * kLoops);
  EXPECT_NEAR(looped.spread, 0, 1e-3);
  EXPECT_NEAR(passes.rounds, kReads, 1e-3 * kReads);
  EXPECT_NEAR(passes.spread, 0, 1e-3);
}

TEST(PeakRate, WaitingForCoresLowersNoLoopAndIsTold) {
  for (const int busy : {1, 3, 4}) {
    const PeakRate rate = rate_of(kLoop, busy);
    EXPECT_NEAR(rate.rounds, kMembers * kLoops, 1e-3 * kLoops) << busy;
    EXPECT_NEAR(rate.spread, busy == 1 ? 0 : 5.0 / 6, 1e-3) << busy;
  }
}

// By core time each member would have the whole rate of the memory: twice what there is.
TEST(PeakRate, MembersThatReadInTurnRaiseNoMemory) {
  const PeakRate rate = rate_of(kRead, 1);
  EXPECT_NEAR(rate.rounds, kReads, 1e-3 * kReads);
}

// An attempt of 2 ms tells what one of 10 us behind 3 ms does not.
TEST(PeakRate, LateMembersReadNoLessForIt) {
  machine.late = 3e-3;
  const PeakRate rate = rate_of(kRead, 0);
  machine.late = 0;
  EXPECT_GT(rate.rounds, 0.35 * kReads);
  EXPECT_LE(rate.rounds, kReads);
}

// The first attempts last less than a tick or not much more.
TEST(PeakRate, ACoarseClockRaisesNoLoop) {
  for (const double tick : {1e-6, 1e-5, 3.9e-5, 1e-4, 4e-3, 1.0}) {
    const PeakRate rate = rate_of(kLoop, 0, tick);
    EXPECT_LE(rate.rounds, 1.021 * kMembers * kLoops) << tick;
    EXPECT_GE(rate.rounds, 0.98 * kMembers * kLoops) << tick;
  }
}

TEST(PeakRate, AClockThatStandsStillIsNotBelieved) {
  machine.busy = 0;
  Team team(kMembers);
  const PeakRate rate = peak_rate(team, kLoop, {.wall = wall_now, .core = [] { return 0.0; }, .core_tick = 0});
  EXPECT_NEAR(rate.rounds, kMembers * kLoops, 1e-3 * kLoops);
}

TEST(PeakRate, TheMachinesClocksGoOn) {
  const PeakClocks clocks = machine_clocks();
  const double wall = clocks.wall(), own = clocks.core();
  while (clocks.core() <= own && clocks.wall() < wall + 1) continue;
  EXPECT_GT(clocks.core(), own);
  EXPECT_GT(clocks.wall(), wall);
  EXPECT_GT(clocks.core_tick, 0);
}

}  // namespace
}  // namespace qat::engine
