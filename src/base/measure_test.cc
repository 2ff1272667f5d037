// The median, and clocks that do not run backwards.
#include "base/measure.h"

#include <gtest/gtest.h>

namespace qat {
namespace {

TEST(Median, IsTheMiddleOne) {
  EXPECT_EQ(median({3}), 3);
  EXPECT_EQ(median({9, 1, 4}), 4);
  EXPECT_EQ(median({4, 1, 9, 2}), 4);  // the upper one of 2 and 4
}

TEST(Clocks, GoOn) {
  const double wall = wall_seconds(), own = thread_seconds();
  double sum = 0;
  while (thread_seconds() - own < 1e-3) sum += wall_seconds();
  EXPECT_GT(sum, 0);
  EXPECT_GE(wall_seconds() - wall, 0.9e-3);  // a thread has at most one core
}

}  // namespace
}  // namespace qat
