// One training step as the loop sees it: what it is told, and what came of it.
#pragma once

#include <cstdint>
#include <string>

namespace qat::train {

struct StepSettings {
  int64_t step = 0;  // optimizer steps before this one: seeds dropout, warms the average up
  double lr = 0;
  bool freeze_bn = false;
  int64_t all_images = 0;  // of the batch's shares on all ranks; 0: it is whole
};

struct StepOutcome {
  int64_t step = 0;    // StepSettings::step
  int64_t images = 0;  // as the rest, of all ranks
  double loss = 0;     // mean over the batch
  int64_t correct = 0;
  std::string not_finite;  // "[layer1.0.bn1] a statistic or range": nothing was updated; "" when all is well
};

}  // namespace qat::train
