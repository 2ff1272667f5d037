// The order in which cross-entropy is added up, for device and twin: a warp a row, a lane every 32nd class.
#pragma once

#include <algorithm>

#include "base/qmath.h"
#include "train/cuda/kernels/kernels.h"

namespace qat::train::cuda {

constexpr int kLossThreads = 256, kLossWarps = kLossThreads / 32;

// Blocks deal the rows in turns of kLossWarps; a warp adds its rows' losses in double, then warps and blocks in order.
inline int64_t loss_blocks(int64_t rows) { return std::clamp<int64_t>((rows + kLossWarps - 1) / kLossWarps, 1, 256); }

// What the sum of losses and each gradient are divided by.
QAT_HD int64_t rows_of_mean(const CrossEntropyArgs& args) { return args.all_rows > 0 ? args.all_rows : args.rows; }

// What a row's loss is made of: log sum exp(x - largest) + largest - (1 - smoothing) x[label] - smoothing mean(x).
QAT_HD double row_loss(const CrossEntropyArgs& args, float largest, float sum_exp, float sum, float at_label) {
  const double smoothing = static_cast<double>(args.smoothing);
  const double mean = static_cast<double>(sum) / static_cast<double>(args.classes);
  return log(static_cast<double>(sum_exp)) + static_cast<double>(largest) -
         (1.0 - smoothing) * static_cast<double>(at_label) - smoothing * mean;
}

// (softmax - target) / rows_of_mean of one class.
struct LogitGradient {
  float inverse, everywhere, at_label, share;

  QAT_HD LogitGradient(const CrossEntropyArgs& args, float sum_exp)
      : inverse(1.0f / sum_exp),
        everywhere(args.smoothing / static_cast<float>(args.classes)),
        at_label(1.0f - args.smoothing),
        share(1.0f / static_cast<float>(rows_of_mean(args))) {}

  QAT_HD float at(float exp_x, bool is_label) const {
    const float target = is_label ? everywhere + at_label : everywhere;
    return fmaf(exp_x, inverse, -target) * share;
  }
};

}  // namespace qat::train::cuda
