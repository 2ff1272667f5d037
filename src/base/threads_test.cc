// The thread team: shares, reuse, exceptions; and random numbers, which must not depend on it.
#include "base/threads.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>
#include <set>
#include <stdexcept>
#include <vector>

#include "base/random.h"

namespace qat {
namespace {

TEST(ThreadPool, EveryIndexOnceInFairContiguousShares) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (const int64_t n : {0, 1, 2, 7, 8, 9, 1000}) {
      std::vector<int> seen(static_cast<size_t>(n));
      std::vector<int64_t> shares;
      std::set<int> members;
      std::mutex mutex;
      pool.parallel_for(n, [&](int64_t begin, int64_t end, int member) {
        for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
        const std::lock_guard lock(mutex);
        shares.push_back(end - begin);
        EXPECT_TRUE(members.insert(member).second);
      });
      EXPECT_EQ(std::accumulate(seen.begin(), seen.end(), int64_t{0}), n);
      for (const int count : seen) EXPECT_EQ(count, 1);
      if (n >= threads) {
        const auto [least, most] = std::minmax_element(shares.begin(), shares.end());
        EXPECT_LE(*most - *least, 1);
      }
    }
  }
}

TEST(ThreadPool, ManyLoopsInARow) {
  ThreadPool pool(4);
  std::atomic<int64_t> sum{0};
  for (int i = 0; i < 5000; ++i) {
    pool.parallel_for(4, [&](int64_t begin, int64_t end, int) { sum += end - begin; });
  }
  EXPECT_EQ(sum, 20000);
}

TEST(ThreadPool, ExceptionsReachTheCallerAndTheTeamGoesOn) {
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    for (int64_t bad = 0; bad < threads; ++bad) {
      const auto body = [&](int64_t begin, int64_t, int) {
        if (begin == bad) throw std::runtime_error("share");
      };
      EXPECT_THROW(pool.parallel_for(threads, body), std::runtime_error);
    }
    std::atomic<int> calls{0};
    pool.parallel_for(threads, [&](int64_t, int64_t, int) { ++calls; });
    EXPECT_EQ(calls, threads);
  }
}

TEST(ThreadPool, ZeroTakesWhatTheProcessMayUse) {
  EXPECT_GE(usable_cpus(), 1);
  EXPECT_EQ(ThreadPool(0).size(), usable_cpus());
}

TEST(Random, TheSequenceIsFixedForEver) {  // values of an independent implementation
  Random zero(0), other(7, 3, 1);
  EXPECT_EQ(zero.bits(), 0x9ce9044cf4430b33u);
  EXPECT_EQ(zero.bits(), 0x7505f249b38b57fau);
  EXPECT_EQ(other.bits(), 0x1b03b9a853c8cd53u);
  EXPECT_EQ(other.bits(), 0x8259160909fe8b4au);
}

TEST(Random, StreamsDiffer) {
  std::set<uint64_t> first;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    for (uint64_t stream = 0; stream < 10; ++stream) {
      for (uint64_t sub = 0; sub < 10; ++sub) first.insert(Random(seed, stream, sub).bits());
    }
  }
  EXPECT_EQ(first.size(), 1000u);
}

TEST(Random, Distributions) {
  Random random(1);
  constexpr int kDraws = 200'000;
  std::vector<int> counts(7);
  double sum = 0, squares = 0, uniform = 0;
  for (int i = 0; i < kDraws; ++i) {
    ++counts[static_cast<size_t>(random.below(7))];
    const double x = random.normal(), u = random.uniform(-2, 4);
    sum += x;
    squares += x * x;
    uniform += u;
    ASSERT_TRUE(u >= -2 && u < 4);
  }
  for (const int count : counts) EXPECT_NEAR(count, kDraws / 7.0, 5 * 160);  // 5 deviations
  EXPECT_NEAR(sum / kDraws, 0, 5 * 0.0023);
  EXPECT_NEAR(squares / kDraws, 1, 5 * 0.0032);
  EXPECT_NEAR(uniform / kDraws, 1, 5 * 0.0039);
  EXPECT_EQ(random.below(1), 0);
}

TEST(Random, PermutationsHoldEveryIndexOnce) {
  Random random(2);
  for (const int64_t n : {0, 1, 2, 1000}) {
    std::vector<int64_t> order = permutation(n, random);
    if (n == 1000) {
      EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
    }
    std::sort(order.begin(), order.end());
    for (int64_t i = 0; i < n; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
    EXPECT_EQ(order.size(), static_cast<size_t>(n));
  }
}

}  // namespace
}  // namespace qat
