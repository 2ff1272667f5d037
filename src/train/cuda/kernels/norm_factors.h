// BatchNorm's coefficients of one channel from its sums, for device and twin.
#pragma once

#include "base/qmath.h"
#include "train/cuda/kernels/kernels.h"

namespace qat::train::cuda {

QAT_HD bool is_finite(double v) { return v - v == 0.0; }

QAT_HD void write_factors(double mean, double variance, float gamma, float beta, float eps, int64_t c, float* mean_out,
                          float* invstd, float* a, float* b) {
  const double inverse = 1.0 / sqrt(variance + static_cast<double>(eps));
  const double factor = static_cast<double>(gamma) * inverse;
  mean_out[c] = static_cast<float>(mean);
  invstd[c] = static_cast<float>(inverse);
  a[c] = static_cast<float>(factor);
  b[c] = static_cast<float>(static_cast<double>(beta) - mean * factor);
}

// sum and squares of x - shift, as sums of x itself, which ranks can add up.
QAT_HD void put_stats_sums(const StatsArgs& args, int64_t c, double sum, double squares, float shift) {
  const double n = static_cast<double>(args.rows), s = static_cast<double>(shift);
  args.sums[c] = n * s + sum;
  args.sums[args.channels + c] = squares + 2 * s * sum + n * s * s;
}

// sum and squares of x - shift. False: the mean or the variance is not finite.
QAT_HD bool finish_stats(const StatsArgs& args, int64_t c, double sum, double squares, float shift) {
  const double n = static_cast<double>(args.rows), shifted = sum / n;
  const double mean = static_cast<double>(shift) + shifted, biased = squares / n - shifted * shifted;
  const double variance = biased < 0.0 ? 0.0 : biased;  // NaN stays
  write_factors(mean, variance, args.gamma[c], args.beta[c], args.eps, c, args.mean, args.invstd, args.a, args.b);
  if (args.running_mean != nullptr) {
    const double m = static_cast<double>(args.momentum), unbias = args.rows > 1 ? n / (n - 1) : 1.0;
    args.running_mean[c] = static_cast<float>((1 - m) * static_cast<double>(args.running_mean[c]) + m * mean);
    args.running_var[c] =
        static_cast<float>((1 - m) * static_cast<double>(args.running_var[c]) + m * unbias * variance);
  }
  return is_finite(mean) && is_finite(variance);
}

// The factors of dx from sum of g and sum_x of g (x - mean).
QAT_HD void write_slopes(const BackwardReduceArgs& args, int64_t c, double sum, double sum_x) {
  const double n = static_cast<double>(args.rows), inverse = static_cast<double>(args.invstd[c]);
  const double factor = static_cast<double>(args.a[c]), slope = -factor * inverse * inverse * sum_x / n;
  args.cb[c] = args.frozen ? 0.0f : static_cast<float>(slope);
  args.cc[c] = args.frozen ? 0.0f : static_cast<float>(-factor * sum / n - slope * static_cast<double>(args.mean[c]));
}

// The same sums. False: one of them is not finite.
QAT_HD bool finish_backward(const BackwardReduceArgs& args, int64_t c, double sum, double sum_x) {
  args.dgamma[c] = static_cast<float>(sum_x * static_cast<double>(args.invstd[c]));
  args.dbeta[c] = static_cast<float>(sum);
  write_slopes(args, c, sum, sum_x);
  if (args.sums != nullptr) args.sums[c] = sum, args.sums[args.channels + c] = sum_x;
  return is_finite(sum) && is_finite(sum_x);
}

}  // namespace qat::train::cuda
