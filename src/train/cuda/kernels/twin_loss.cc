// Twins of cross-entropy and of the pools.
#include <cmath>

#include "train/cuda/kernels/cross_entropy.h"
#include "train/cuda/kernels/norm_factors.h"
#include "train/cuda/kernels/pools.h"
#include "train/cuda/kernels/twin.h"
#include "train/cuda/kernels/twin_kernels.h"

namespace qat::train::cuda {

namespace {

template <class T>
int64_t first_largest(const CrossEntropyArgs& args, int64_t row) {
  int64_t best = 0;
  for (int64_t i = 1; i < args.classes; ++i) {
    const float v = get<T>(args.logits, row * args.classes + i), b = get<T>(args.logits, row * args.classes + best);
    if (v > b || (std::isnan(v) && !std::isnan(b))) best = i;
  }
  return best;
}

template <class T>
double run_row(const CrossEntropyArgs& args, int64_t row, int64_t& correct) {
  const auto logit = [&](int64_t i) { return get<T>(args.logits, row * args.classes + i); };
  const int64_t best = first_largest<T>(args, row), label = args.labels[row];
  const float largest = logit(best);
  std::vector<float> exps(32, 0.0f), sums(32, 0.0f);
  for (int64_t i = 0; i < args.classes; ++i) {
    exps[static_cast<size_t>(i % 32)] += exp_exact(logit(i) - largest);
    sums[static_cast<size_t>(i % 32)] += logit(i);
  }
  const float sum_exp = over_warp(exps, std::plus<>()), sum = over_warp(sums, std::plus<>());
  const double loss = row_loss(args, largest, sum_exp, sum, logit(label));
  correct += best == label;
  if (args.gradient == nullptr) return loss;
  const LogitGradient gradient(args, sum_exp);
  for (int64_t i = 0; i < args.classes; ++i) {
    put<T>(args.gradient, row * args.classes + i, gradient.at(exp_exact(logit(i) - largest), i == label));
  }
  return loss;
}

template <class T>
void max_pool(const MaxPoolArgs& args) {
  for (int64_t p = 0; p < args.n * args.out_height * args.out_width; ++p) {
    const OutputWindow window(args, static_cast<int>(p / args.out_width), static_cast<int>(p % args.out_width));
    for (int64_t c = 0; c < args.channels; ++c) {
      float best = -INFINITY;
      unsigned index = window.first;
      for (int ky = window.y0; ky < window.y1; ++ky) {
        for (int kx = window.x0; kx < window.x1; ++kx) {
          const int64_t pixel = (window.image * args.height + window.top + ky) * args.width + window.left + kx;
          const float v = get<T>(args.x, pixel * args.channels + c);
          if (beats(v, best)) best = v, index = static_cast<unsigned>(ky * args.kernel[1] + kx);
        }
      }
      put<T>(args.y, p * args.channels + c, best);
      if (args.index != nullptr) args.index[p * args.channels + c] = static_cast<uint8_t>(index);
    }
  }
}

template <class T>
void max_pool_backward(const MaxPoolArgs& args) {
  for (int64_t p = 0; p < args.n * args.height * args.width; ++p) {
    const InputReaders readers(args, static_cast<int>(p / args.width), static_cast<int>(p % args.width));
    for (int64_t c = 0; c < args.channels; ++c) {
      float sum = 0;
      for (int oy = readers.y0; oy < readers.y1; ++oy) {
        for (int ox = readers.x0; ox < readers.x1; ++ox) {
          const int64_t at = ((readers.image * args.out_height + oy) * args.out_width + ox) * args.channels + c;
          if (args.index[at] == readers.place(args, oy, ox)) sum += get<T>(args.gradient, at);
        }
      }
      put<T>(args.dx, p * args.channels + c, sum);
    }
  }
}

template <class T>
void mean_pool(const MeanPoolArgs& args) {
  for (int64_t n = 0; n < args.n; ++n) {
    for (int64_t c = 0; c < args.channels; ++c) {
      float sum = 0;
      for (int64_t p = 0; p < args.pixels; ++p) sum += get<T>(args.x, (n * args.pixels + p) * args.channels + c);
      put<T>(args.y, n * args.channels + c, sum * (1.0f / static_cast<float>(args.pixels)));
    }
  }
}

template <class T>
void mean_pool_backward(const MeanPoolArgs& args) {
  for (int64_t p = 0; p < args.n * args.pixels; ++p) {
    for (int64_t c = 0; c < args.channels; ++c) {
      const float g = get<T>(args.gradient, p / args.pixels * args.channels + c);
      put<T>(args.dx, p * args.channels + c, g * (1.0f / static_cast<float>(args.pixels)));
    }
  }
}

}  // namespace

void twin_cross_entropy(const CrossEntropyArgs& args, cudaStream_t) {
  if (args.rows == 0) return;
  const int64_t blocks = loss_blocks(args.rows);
  double total = 0;
  int64_t correct = 0;
  for_type(args.type, [&]<class T>() {
    for (int64_t block = 0; block < blocks; ++block) {
      double of_block = 0;
      for (int64_t warp = 0; warp < kLossWarps; ++warp) {
        double loss = 0;
        for (int64_t row = block * kLossWarps + warp; row < args.rows; row += blocks * kLossWarps) {
          loss += run_row<T>(args, row, correct);
        }
        of_block += loss;
      }
      total += of_block;
    }
  });
  *args.loss = total / static_cast<double>(rows_of_mean(args));
  *args.correct = correct;
  if (!is_finite(total)) report(args.status, 0);
}

void twin_max_pool(const MaxPoolArgs& args, cudaStream_t) {
  for_type(args.type, [&]<class T>() { max_pool<T>(args); });
}
void twin_max_pool_backward(const MaxPoolArgs& args, cudaStream_t) {
  for_type(args.type, [&]<class T>() { max_pool_backward<T>(args); });
}
void twin_mean_pool(const MeanPoolArgs& args, cudaStream_t) {
  for_type(args.type, [&]<class T>() { mean_pool<T>(args); });
}
void twin_mean_pool_backward(const MeanPoolArgs& args, cudaStream_t) {
  for_type(args.type, [&]<class T>() { mean_pool_backward<T>(args); });
}

}  // namespace qat::train::cuda
