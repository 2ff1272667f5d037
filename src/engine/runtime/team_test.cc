// Teams: every member runs every body, and barriers hold.
#include "engine/runtime/team.h"

#include <gtest/gtest.h>

#include <array>

namespace qat::engine {
namespace {

struct Shared {
  Team& team;
  std::array<std::atomic<int>, 8> arrived{};
  std::atomic<int> early{0}, bodies{0};
};

// After barrier i all members must have counted themselves in arrived[i].
void body(void* context, int member) {
  Shared& s = *static_cast<Shared*>(context);
  s.bodies.fetch_add(1);
  for (auto& count : s.arrived) {
    count.fetch_add(1);
    s.team.barrier(member, Team::Wait::kSpinning);
    if (count.load() != s.team.size()) s.early.fetch_add(1);
    s.team.barrier(member, Team::Wait::kBriefly);
    count.store(0);
    s.team.barrier(member, Team::Wait::kBriefly);
  }
}

TEST(Team, BarriersHoldOverManyRuns) {
  for (const int members : {1, 2, 3, 5, 7}) {
    Team team(members);
    ASSERT_EQ(team.size(), members);
    Shared shared{.team = team};
    const int runs = members < 4 ? 100 : 10;  // spinning members without a core cost milliseconds
    for (int i = 0; i < runs; ++i) team.run(body, &shared);
    EXPECT_EQ(shared.bodies.load(), runs * members);
    EXPECT_EQ(shared.early.load(), 0);
  }
}

TEST(Team, StartsAndStopsIdle) {
  for (int i = 0; i < 20; ++i) Team team(4);
}

}  // namespace
}  // namespace qat::engine
