// The arena: buffers alive at the same time never overlap, and reuse is close to the bound.
#include "engine/runtime/arena.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "base/random.h"

namespace qat::engine {
namespace {

size_t round_up(size_t n) { return (n + 63) / 64 * 64; }

// The largest sum of bytes alive at one step: no placement needs less.
size_t bound(const std::vector<Lifetime>& buffers) {
  size_t most = 0;
  for (const Lifetime& at : buffers) {
    size_t sum = 0;
    for (const Lifetime& b : buffers) {
      if (b.first <= at.first && at.first <= b.last) sum += round_up(b.bytes);
    }
    most = std::max(most, sum);
  }
  return most;
}

void check(const std::vector<Lifetime>& buffers, const ArenaPlan& plan) {
  for (size_t i = 0; i < buffers.size(); ++i) {
    ASSERT_EQ(plan.offsets[i] % 64, 0u);
    ASSERT_LE(plan.offsets[i] + buffers[i].bytes, plan.bytes);
    for (size_t j = 0; j < i; ++j) {
      const bool together = buffers[i].first <= buffers[j].last && buffers[j].first <= buffers[i].last;
      const bool apart = plan.offsets[i] + buffers[i].bytes <= plan.offsets[j] ||
                         plan.offsets[j] + buffers[j].bytes <= plan.offsets[i];
      ASSERT_TRUE(!together || apart) << i << " and " << j;
    }
  }
}

TEST(Arena, AChainNeedsTwoBuffers) {
  std::vector<Lifetime> chain;
  chain.reserve(10);
  for (int i = 0; i < 10; ++i) chain.push_back({.bytes = 1000, .first = i, .last = i + 1});
  const ArenaPlan plan = plan_arena(chain);
  check(chain, plan);
  EXPECT_EQ(plan.bytes, 2 * round_up(1000));
}

TEST(Arena, RandomLifetimesNeverOverlap) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed);
    std::vector<Lifetime> buffers;
    for (int i = 0; i < 60; ++i) {
      const int first = static_cast<int>(random.below(60));
      buffers.push_back({.bytes = static_cast<size_t>(1 + random.below(100000)),
                         .first = first,
                         .last = first + static_cast<int>(random.below(8))});
    }
    const ArenaPlan plan = plan_arena(buffers);
    check(buffers, plan);
    EXPECT_LE(plan.bytes, bound(buffers) * 3 / 2) << "seed " << seed;
  }
}

TEST(Arena, SizesThatOverflowAreRefused) {
  EXPECT_THROW(plan_arena({{.bytes = SIZE_MAX - 100, .first = 0, .last = 1}, {.bytes = 4096, .first = 0, .last = 1}}),
               Error);
}

TEST(Arena, NothingNeedsNothing) { EXPECT_EQ(plan_arena({}).bytes, 0u); }

}  // namespace
}  // namespace qat::engine
