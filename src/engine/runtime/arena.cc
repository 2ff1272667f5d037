// Greedy placement by size: see arena.h.
#include "engine/runtime/arena.h"

#include <algorithm>
#include <numeric>

#include "base/checked.h"

namespace qat::engine {

namespace {

constexpr size_t kAlign = 64;

size_t round_up(size_t n) { return checked_add(n, kAlign - 1, "[plan] activations") / kAlign * kAlign; }

struct Placed {
  size_t offset, end;
};

// The start of the smallest gap between `taken` (sorted by offset) that holds `bytes`; after all of them otherwise.
size_t tightest_gap(const std::vector<Placed>& taken, size_t bytes) {
  size_t best = SIZE_MAX, best_gap = SIZE_MAX, cursor = 0;
  for (const Placed& p : taken) {
    if (p.offset > cursor && p.offset - cursor >= bytes && p.offset - cursor < best_gap) {
      best = cursor;
      best_gap = p.offset - cursor;
    }
    cursor = std::max(cursor, p.end);
  }
  return best == SIZE_MAX ? cursor : best;
}

}  // namespace

ArenaPlan plan_arena(const std::vector<Lifetime>& buffers) {
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  ArenaPlan plan{.offsets = std::vector<size_t>(buffers.size(), 0)};
  std::vector<size_t> done;
  for (const size_t i : order) {
    std::vector<Placed> taken;
    for (const size_t j : done) {
      const bool together = buffers[i].first <= buffers[j].last && buffers[j].first <= buffers[i].last;
      if (together) taken.push_back({plan.offsets[j], plan.offsets[j] + round_up(buffers[j].bytes)});
    }
    std::sort(taken.begin(), taken.end(), [](const Placed& a, const Placed& b) { return a.offset < b.offset; });
    plan.offsets[i] = tightest_gap(taken, round_up(buffers[i].bytes));
    plan.bytes = std::max(plan.bytes, checked_add(plan.offsets[i], round_up(buffers[i].bytes), "[plan] activations"));
    done.push_back(i);
  }
  return plan;
}

}  // namespace qat::engine
