// A chain (BatchNorm, Add, ReLU or Clip, FakeQuant) over the kernels: two passes over memory forward, two backward.
#pragma once

#include <optional>

#include "train/chains.h"
#include "train/cuda/program/leaves.h"
#include "train/cuda/program/step.h"

namespace qat::train::cuda {

struct ChainNorm {
  ir::ValueId gamma = ir::kNone, beta = ir::kNone, running_mean = ir::kNone, running_var = ir::kNone;
  float eps = 1e-5f, momentum = 0.1f;
  int32_t place = 0;  // that a statistic which is not finite is reported as
};

struct ChainQuant {
  Range range;            // in Leaves
  float* peak = nullptr;  // of moving ranges
  float* range_gradient = nullptr;
  bool integers = false;  // go on the tape, too
};

struct ChainParts {
  Chain chain;
  std::optional<ChainNorm> norm;
  std::optional<ChainQuant> quant;
  bool in_place = false;  // the input is the batch itself, for this chain alone: quantized where it lies
};

// leaves outlive the step.
std::unique_ptr<Step> make_chain_step(const ChainParts& parts, const Leaves& leaves, const Wanted& wanted);

}  // namespace qat::train::cuda
