// SGD and AdamW over the leaves of a module, one fused pass a parameter; their state is what checkpoints keep.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/options.h"
#include "train/graph_module.h"

namespace qat::train {

struct OptimizerState {
  int64_t step = 0;                                  // taken so far (AdamW's bias correction)
  std::map<std::string, std::vector<float>> first;   // momentum, or the first moment, by parameter
  std::map<std::string, std::vector<float>> second;  // AdamW
};

class Optimizer {
 public:
  // TRAIN.OPTIMIZER, MOMENTUM, NESTEROV, WEIGHT_DECAY, DECAY_NORM_BIAS. AdamW: betas 0.9, 0.999, eps 1e-8. Ranges are
  // never decayed, and stay above a millionth of a unit. Throws Error(kUsage).
  explicit Optimizer(const config::TrainOptions& options);

  // The name of the first parameter whose gradient is NaN or infinite; "" when all are finite.
  static std::string not_finite(const std::vector<ParamView>& parameters);

  // One update. Parameters without a gradient keep their values.
  void step(const std::vector<ParamView>& parameters, double lr);

  const OptimizerState& state() const { return state_; }
  // Throws Error(kBadFile) when a moment's size is not its parameter's.
  void restore(OptimizerState state, const std::vector<ParamView>& parameters);

 private:
  config::TrainOptions options_;
  bool adamw_;
  OptimizerState state_;
};

}  // namespace qat::train
