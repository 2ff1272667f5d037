// Where one tensor alone is alive: see stretches.h.
#include "engine/compile/stretches.h"

#include <algorithm>

namespace qat::engine {

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
  if (now.first < plan.steps.size()) found.push_back({now.first, plan.steps.size(), false});
  return found;
}

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

}  // namespace qat::engine
