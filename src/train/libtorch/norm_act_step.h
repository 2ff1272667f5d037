// A chain (BatchNorm, Add, ReLU or Clip, FakeQuant) as one autograd function over the kernels.
#pragma once

#include <optional>
#include <string>

#include "train/chains.h"
#include "train/distributed/statistics.h"
#include "train/libtorch/libtorch.h"
#include "train/ranges.h"

namespace qat::train {

// What changes from call to call, shared by all steps of a module.
struct RunState {
  bool training = false;         // batch statistics, moving ranges, dropout
  bool bn_frozen = false;        // training with the running statistics as they are
  Group* sync_bn = nullptr;      // statistics are those of all its ranks; nullptr: of this process
  std::vector<RangePeak> peaks;  // of moving ranges, in the order of the graph
  std::string not_finite;        // the first place where a statistic or a range was NaN or infinite; "" when none was
};

struct NormPart {
  std::string name;
  float eps = 1e-5f, momentum = 0.1f;
  float* running_mean = nullptr;
  float* running_var = nullptr;
};

struct NormActStep {
  std::optional<NormPart> norm;
  std::optional<Quantizer> quant;  // not a learned one: that runs as a step of its own
  bool moving = false;
  float clip_lo = 0, clip_hi = 0;
  RunState* state = nullptr;

  bool clips() const;
  // Moving ranges: leaves its peak in the state. gamma and beta where there is a norm, skip where there is an Add;
  // undefined tensors otherwise. skip has x's size.
  at::Tensor run(const at::Tensor& x, const at::Tensor& gamma, const at::Tensor& beta, const at::Tensor& skip) const;
};

}  // namespace qat::train
