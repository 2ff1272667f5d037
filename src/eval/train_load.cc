// Loads the training plugin: see train/train.h.
#include "base/plugin.h"
#include "train/train.h"

namespace qat::train {

TrainPlugin& train_plugin() {
  return plugin<TrainPlugin>("qat_train",
                             "training, calibration and evaluation of checkpoints need LibTorch; install it with "
                             "`./dev setup` and build again");
}

}  // namespace qat::train
