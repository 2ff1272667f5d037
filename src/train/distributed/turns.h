// The batches of an epoch as the ranks take them, in step: each its share, all knowing how many images there are.
#pragma once

#include <optional>

#include "data/loader.h"
#include "train/distributed/group.h"

namespace qat::train {

struct Turn {
  data::Batch batch;   // this rank's share; position is that of the whole batch
  int64_t images = 0;  // of all ranks
};

// In one process it is the loader itself.
class Turns {
 public:
  // loader: of this rank's share of each batch. Both outlive this.
  Turns(data::Loader& loader, Group* group) : loader_(loader), group_(group) {}

  void start(int64_t epoch, int64_t first_batch);

  // nullopt at the end of the epoch, on all ranks. A batch of which a rank has no image left, because its own were
  // skipped as broken, is passed over by all. Throws what a rank's loader threw, on all ranks.
  std::optional<Turn> next();

 private:
  void read();

  data::Loader& loader_;
  Group* group_;
  int64_t position_ = 0;
  bool ahead_ = false;                // batch_ is what the loader gave last
  std::optional<data::Batch> batch_;  // nullopt: its epoch has ended
};

}  // namespace qat::train
