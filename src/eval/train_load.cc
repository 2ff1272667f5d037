// Loads the training plugin: see train/train.h.
#include <cstdlib>

#include "base/plugin.h"
#include "train/train.h"

namespace qat::train {

TrainPlugin& train_plugin() {
  // LibTorch's OpenMP threads spin between loops by default. Beside any other busy thread (the loader, another process)
  // that slowed training on two cores several times (one trial each way; not measured on an idle machine). Read when
  // the library is loaded; the user's own setting stays.
  ::setenv("GOMP_SPINCOUNT", "1000", 0);
  return plugin<TrainPlugin>("qat_train",
                             "training, calibration and evaluation of checkpoints need LibTorch; install it with "
                             "`./dev setup` and build again");
}

}  // namespace qat::train
