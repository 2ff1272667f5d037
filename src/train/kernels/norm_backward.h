// Kernel bodies: sums per channel of BatchNorm, forward (mean, variance) and backward, and the gradient of its input.
#pragma once

#include "train/kernels/kernels.h"
#include "train/kernels/tiles.h"

namespace qat::train {

// Adds float lanes to double sums: floats hold at most a block's 4096 / channels terms.
template <class S>
void flush(typename S::V v, double* sum, int n) {
  float lanes[S::kWidth];
  S::store(lanes, v);
  for (int i = 0; i < n; ++i) sum[i] += static_cast<double>(lanes[i]);
}

template <class S, bool kFull>
void stats_tile(const StatsArgs& args, int64_t row0, int64_t row1, int64_t c, int n) {
  using V = typename S::V;
  const Tile<S, kFull> tile{n};
  const V shift = tile.load(args.shift + c);
  V sum = S::set1(0.0f), squares = sum, sum2 = sum, squares2 = sum;  // two chains hide the latency of the additions
  int64_t r = row0;
  for (; r + 1 < row1; r += 2) {
    const V d = S::sub(tile.load(args.x + r * args.channels + c), shift);
    const V e = S::sub(tile.load(args.x + (r + 1) * args.channels + c), shift);
    sum = S::add(sum, d), sum2 = S::add(sum2, e);
    squares = S::fma(d, d, squares), squares2 = S::fma(e, e, squares2);
  }
  if (r < row1) {
    const V d = S::sub(tile.load(args.x + r * args.channels + c), shift);
    sum = S::add(sum, d), squares = S::fma(d, d, squares);
  }
  flush<S>(S::add(sum, sum2), args.sum + c, n);
  flush<S>(S::add(squares, squares2), args.sum_squares + c, n);
}

template <class S>
void stats(const StatsArgs& args) {
  for_tiles<S>(args.rows, args.channels, [&](int64_t row0, int64_t row1, int64_t c, int n) {
    n == S::kWidth ? stats_tile<S, true>(args, row0, row1, c, n) : stats_tile<S, false>(args, row0, row1, c, n);
  });
}

template <class S, bool kFull, bool kMask, bool kStore>
void backward_reduce_tile(const BackwardReduceArgs& args, int64_t row0, int64_t row1, int64_t c, int n) {
  using V = typename S::V;
  const Tile<S, kFull> tile{n};
  const V mean = tile.load(args.mean + c);
  const int64_t pitch = mask_pitch(args.channels);
  V sum = S::set1(0.0f), sum_x = sum;
  for (int64_t r = row0; r < row1; ++r) {
    const int64_t at = r * args.channels + c;
    V g = tile.load(args.gradient + at);
    if constexpr (kMask) g = S::keep(tile.load_bits(args.mask + r * pitch + c / 8), g);
    if constexpr (kStore) tile.store(args.masked + at, g);
    sum = S::add(sum, g);
    sum_x = S::fma(g, S::sub(tile.load(args.x + at), mean), sum_x);
  }
  flush<S>(sum, args.sum + c, n);
  flush<S>(sum_x, args.sum_x + c, n);
}

template <class S, bool kMask, bool kStore>
void backward_reduce_rows(const BackwardReduceArgs& args) {
  for_tiles<S>(args.rows, args.channels, [&](int64_t row0, int64_t row1, int64_t c, int n) {
    n == S::kWidth ? backward_reduce_tile<S, true, kMask, kStore>(args, row0, row1, c, n)
                   : backward_reduce_tile<S, false, kMask, kStore>(args, row0, row1, c, n);
  });
}

template <class S>
void backward_reduce(const BackwardReduceArgs& args) {
  if (args.masked != nullptr) {
    args.mask != nullptr ? backward_reduce_rows<S, true, true>(args) : backward_reduce_rows<S, false, true>(args);
  } else {
    args.mask != nullptr ? backward_reduce_rows<S, true, false>(args) : backward_reduce_rows<S, false, false>(args);
  }
}

template <class S, bool kFull, bool kMask, bool kX>
void backward_apply_tile(const BackwardApplyArgs& args, int64_t row0, int64_t row1, int64_t c, int n) {
  using V = typename S::V;
  const Tile<S, kFull> tile{n};
  V ca = S::set1(1.0f), cb = ca, cc = ca;
  if (args.ca != nullptr) ca = tile.load(args.ca + c);
  if constexpr (kX) cb = tile.load(args.cb + c), cc = tile.load(args.cc + c);
  const int64_t pitch = mask_pitch(args.channels);
  for (int64_t r = row0; r < row1; ++r) {
    const int64_t at = r * args.channels + c;
    V g = tile.load(args.gradient + at);
    if constexpr (kMask) g = S::keep(tile.load_bits(args.mask + r * pitch + c / 8), g);
    if constexpr (kX) {
      g = S::fma(g, ca, S::fma(tile.load(args.x + at), cb, cc));
    } else {
      g = S::mul(g, ca);
    }
    tile.store(args.dx + at, g);
  }
}

template <class S, bool kMask, bool kX>
void backward_apply_rows(const BackwardApplyArgs& args) {
  for_tiles<S>(args.rows, args.channels, [&](int64_t row0, int64_t row1, int64_t c, int n) {
    n == S::kWidth ? backward_apply_tile<S, true, kMask, kX>(args, row0, row1, c, n)
                   : backward_apply_tile<S, false, kMask, kX>(args, row0, row1, c, n);
  });
}

template <class S>
void backward_apply(const BackwardApplyArgs& args) {
  if (args.cb != nullptr) {
    args.mask != nullptr ? backward_apply_rows<S, true, true>(args) : backward_apply_rows<S, false, true>(args);
  } else {
    args.mask != nullptr ? backward_apply_rows<S, true, false>(args) : backward_apply_rows<S, false, false>(args);
  }
}

}  // namespace qat::train
