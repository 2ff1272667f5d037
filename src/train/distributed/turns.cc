// One small collective a batch: see turns.h.
#include "train/distributed/turns.h"

#include <array>

#include "train/distributed/agree.h"

namespace qat::train {

void Turns::start(int64_t epoch, int64_t first_batch) {
  loader_.start(epoch, first_batch);
  position_ = first_batch;
  ahead_ = false;
}

void Turns::read() {
  if (ahead_) return;
  batch_ = loader_.next();
  ahead_ = true;
}

std::optional<Turn> Turns::next() {
  for (;; ++position_) {
    agreed(group_, [&] { read(); });
    if (group_ == nullptr) {
      ahead_ = false;
      if (!batch_) return std::nullopt;
      const int64_t images = batch_->size();
      return Turn{.batch = std::move(*batch_), .images = images};
    }
    if (position_ >= loader_.batches()) return std::nullopt;
    const bool mine = batch_ && batch_->position == position_;
    const int64_t size = mine ? batch_->size() : 0;
    if (mine) ahead_ = false;
    std::array<int64_t, 2> sums{size, size > 0 ? 1 : 0};
    group_->sum(std::span<int64_t>(sums));
    if (sums[1] < group_->size()) continue;
    ++position_;
    return Turn{.batch = std::move(*batch_), .images = sums[0]};
  }
}

}  // namespace qat::train
