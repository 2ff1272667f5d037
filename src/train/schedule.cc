// Closed forms: see schedule.h.
#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace qat::train {

namespace {

// From `from` at t = 0 to `to` at t = 1.
double half_cosine(double from, double to, double t) {
  return to + (from - to) * (1.0 + std::cos(std::numbers::pi * std::clamp(t, 0.0, 1.0))) / 2.0;
}

}  // namespace

Schedule::Schedule(const config::TrainOptions& options, int64_t steps_per_epoch)
    : options_(options),
      per_epoch_(static_cast<double>(steps_per_epoch)),
      total_(static_cast<double>(options.epochs) * per_epoch_),
      warmup_(options.warmup * per_epoch_) {
  if (options.schedule == "step") {
    kind_ = Kind::kStep;
  } else if (options.schedule == "cosine") {
    kind_ = Kind::kCosine;
  } else if (options.schedule == "one_cycle") {
    kind_ = Kind::kOneCycle;
    if (warmup_ == 0) warmup_ = 0.3 * total_;
  } else if (options.schedule == "constant") {
    kind_ = Kind::kConstant;
  } else {
    fail(Code::kUsage, "[TRAIN.SCHEDULE] expected step, cosine, one_cycle or constant, got '", options.schedule, "'");
  }
  if (options.warmup < 0 || (options.warmup > 0 && warmup_ >= total_)) {
    fail(Code::kUsage, "[TRAIN.WARMUP] expected less than TRAIN.EPOCHS = ", options.epochs, ", got ", options.warmup);
  }
}

double Schedule::one_cycle(double step) const {
  const double top = options_.lr, last = std::max(total_ - 1, 1.0), peak = std::max(warmup_ - 1, 0.0);
  if (step <= peak && peak > 0) return half_cosine(top / 25.0, top, step / peak);
  return half_cosine(top, top * options_.final_lr, (step - peak) / std::max(last - peak, 1.0));
}

double Schedule::lr(int64_t step) const {
  const double i = static_cast<double>(step), top = options_.lr;
  if (kind_ == Kind::kOneCycle) return one_cycle(i);
  if (i < warmup_) return top * std::min(1.0, (i + 1) / warmup_);
  switch (kind_) {
    case Kind::kCosine:
      return half_cosine(top, top * options_.final_lr, (i - warmup_) / std::max(total_ - warmup_, 1.0));
    case Kind::kStep: {
      double lr = top;
      for (int64_t epoch : options_.steps) lr *= i >= static_cast<double>(epoch) * per_epoch_ ? options_.gamma : 1.0;
      return lr;
    }
    default:
      return top;
  }
}

}  // namespace qat::train
