// SGD's and AdamW's update of one element, for device and twin: those of train/kernels/optimizer_step.h.
#pragma once

#include "base/qmath.h"
#include "train/cuda/kernels/tensors.h"

namespace qat::train::cuda {

struct OptimizerStep {
  float lr, decay, momentum, beta1, beta2, eps, keep, step, root;
  bool nesterov;

  QAT_HD OptimizerStep(const OptimizerArgs& args, const StepScalars& scalars, float decay_)
      : lr(scalars.lr),
        decay(decay_),
        momentum(args.momentum),
        beta1(args.beta1),
        beta2(args.beta2),
        eps(args.eps),
        keep(1.0f - scalars.lr * decay_),
        step(scalars.lr / scalars.correction1),
        root(sqrtf(scalars.correction2)),
        nesterov(args.nesterov) {}

  QAT_HD void sgd(float& value, float gradient, float& first, bool moments) const {
    float g = fmaf(value, decay, gradient);
    if (moments) {
      first = fmaf(first, momentum, g);
      g = nesterov ? fmaf(first, momentum, g) : first;
    }
    value = fmaf(g, -lr, value);
  }

  QAT_HD void adamw(float& value, float gradient, float& first, float& second) const {
    first = first + (gradient - first) * (1.0f - beta1);
    second = second * beta2 + (1.0f - beta2) * gradient * gradient;
    value = value * keep - step * first / (sqrtf(second) / root + eps);
  }
};

}  // namespace qat::train::cuda
