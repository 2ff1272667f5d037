// Learning rates by step: step, cosine, one-cycle and constant schedules with a linear warm-up.
#pragma once

#include <cstdint>

#include "config/options.h"

namespace qat::train {

// With n steps in all, e = steps / epoch, w = warmup * e, and for step i:
//   warm-up   lr (i + 1) / w                                                    for i < w
//   constant  lr
//   step      lr gamma^k, k the number of STEPS (epochs) passed
//   cosine    lr (f + (1 - f) (1 + cos(pi t)) / 2), t = (i - w) / (n - w), f = FINAL_LR
//   one_cycle rises by half a cosine from lr / 25 to lr over WARMUP epochs (0: 30 % of all), then falls by half a
//             cosine to f lr (torch's OneCycleLR, two phases)
class Schedule {
 public:
  // Throws Error(kUsage) on an unknown name or impossible values.
  Schedule(const config::TrainOptions& options, int64_t steps_per_epoch);
  double lr(int64_t step) const;

 private:
  enum class Kind : uint8_t { kStep, kCosine, kOneCycle, kConstant };
  double one_cycle(double step) const;
  config::TrainOptions options_;
  Kind kind_;
  double per_epoch_, total_, warmup_;
};

}  // namespace qat::train
