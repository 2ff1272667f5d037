// Kernel bodies over flat arrays: largest magnitude, sum of squares, gradient of a learned scale.
#pragma once

#include "train/kernels/kernels.h"
#include "train/kernels/tiles.h"

namespace qat::train {

template <class S>
float amax(const float* x, int64_t size) {
  using V = typename S::V;
  V peak = S::set1(0.0f), peak2 = peak;
  int64_t i = 0;
  for (; i + 2 * S::kWidth <= size; i += 2 * S::kWidth) {
    peak = S::max(S::abs(S::load(x + i)), peak);
    peak2 = S::max(S::abs(S::load(x + i + S::kWidth)), peak2);
  }
  for (; i < size; i += S::kWidth) {
    const int n = static_cast<int>(std::min<int64_t>(S::kWidth, size - i));
    peak = S::max(S::abs(S::load_n(x + i, n)), peak);
  }
  return S::reduce_max(S::max(peak, peak2));
}

// Calls body(vector values...) on blocks of 4096 elements and adds the float sums of the blocks in double.
template <class S, class Term>
double sum_blocks(int64_t size, const Term& term) {
  double total = 0;
  for (int64_t block = 0; block < size; block += 4096) {
    const int64_t end = std::min(size, block + 4096);
    typename S::V sum = S::set1(0.0f);
    for (int64_t i = block; i < end; i += S::kWidth) {
      sum = term(i, static_cast<int>(std::min<int64_t>(S::kWidth, end - i)), sum);
    }
    total += static_cast<double>(S::reduce_add(sum));
  }
  return total;
}

template <class S>
double sum_squares(const float* x, int64_t size) {
  return sum_blocks<S>(size, [&](int64_t i, int n, typename S::V sum) {
    const auto v = n == S::kWidth ? S::load(x + i) : S::load_n(x + i, n);
    return S::fma(v, v, sum);
  });
}

template <class S>
double scale_gradient(const ScaleGradientArgs& args) {
  using V = typename S::V;
  const V scale = S::set1(args.scale);
  const V lo = S::set1(static_cast<float>(args.quant_lo)), hi = S::set1(static_cast<float>(args.quant_hi));
  return sum_blocks<S>(args.size, [&](int64_t i, int n, V sum) {
    const V t = S::div(S::load_n(args.x + i, n), scale);
    const V q = S::round(t);
    const V clamped = S::min(S::max(q, lo), hi);
    // Inside, the derivative of q * s by s is q - t; outside it is the bound.
    const auto inside = S::both(S::less_equal(lo, q), S::less_equal(q, hi));
    const V slope = S::sub(clamped, S::keep(inside, t));
    return S::fma(S::load_n(args.gradient + i, n), slope, sum);
  });
}

}  // namespace qat::train
