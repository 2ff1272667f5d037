// Kernel bodies: one optimizer step of one parameter, fused into one pass.
#pragma once

#include <cmath>

#include "train/kernels/kernels.h"
#include "train/kernels/tiles.h"

namespace qat::train {

// g += decay p; m = momentum m + g; p -= lr (nesterov ? g + momentum m : m).
template <class S>
void sgd_step(const OptimizerArgs& args) {
  using V = typename S::V;
  const V lr = S::set1(-args.lr), decay = S::set1(args.decay), momentum = S::set1(args.momentum);
  for (int64_t i = 0; i < args.size; i += S::kWidth) {
    const int n = static_cast<int>(std::min<int64_t>(S::kWidth, args.size - i));
    const V p = S::load_n(args.parameter + i, n);
    V g = S::fma(p, decay, S::load_n(args.gradient + i, n));
    if (args.first != nullptr) {
      const V m = S::fma(S::load_n(args.first + i, n), momentum, g);
      S::store_n(args.first + i, m, n);
      g = args.nesterov ? S::fma(m, momentum, g) : m;
    }
    S::store_n(args.parameter + i, S::fma(g, lr, p), n);
  }
}

// p *= 1 - lr decay; m, v = moving averages of g, g^2; p -= lr m / c1 / (sqrt(v / c2) + eps).
template <class S>
void adamw_step(const OptimizerArgs& args) {
  const float keep = 1.0f - args.lr * args.decay;
  const float step = args.lr / args.correction1, root = std::sqrt(args.correction2);
  for (int64_t i = 0; i < args.size; ++i) {
    const float g = args.gradient[i];
    const float m = args.first[i] + (g - args.first[i]) * (1.0f - args.beta1);
    const float v = args.second[i] * args.beta2 + (1.0f - args.beta2) * g * g;
    args.first[i] = m, args.second[i] = v;
    args.parameter[i] = args.parameter[i] * keep - step * m / (std::sqrt(v) / root + args.eps);
  }
}

}  // namespace qat::train
