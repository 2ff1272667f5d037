// Twins of norm_act, the statistics and the backward pass: plain loops with true divisions, judged by base/qmath.h.
#include <cmath>

#include "train/cuda/kernels/norm_factors.h"
#include "train/cuda/kernels/quantizer.h"
#include "train/cuda/kernels/twin.h"
#include "train/cuda/kernels/twin_kernels.h"

namespace qat::train::cuda {

namespace {

// x a + b + skip skip_scale of one element; args: NormActArgs or BackwardReduceArgs, skip() its skip.
template <class Args, class Skip>
float before_clip(const Args& args, float x, int64_t c, bool skips, const Skip& skip) {
  float v = x;
  if (args.a != nullptr) v = std::fma(v, args.a[c], args.b[c]);
  if (skips) v = std::fma(skip(), args.skip_scale, v);
  return v;
}

template <class T>
float before_clip(const NormActArgs& args, int64_t at, int64_t c) {
  return before_clip(args, get<T>(args.x, at), c, args.skip != nullptr, [&] { return get<T>(args.skip, at); });
}

template <class T>
float before_clip(const BackwardReduceArgs& args, int64_t at, int64_t c) {
  return before_clip(args, get<T>(args.x, at), c, args.skip != nullptr || args.skip_q != nullptr, [&] {
    return args.skip_q != nullptr ? rounded<T>(dequantize(args.skip_q[at], scale_of(args.skip_range), 0))
                                  : get<T>(args.skip, at);
  });
}

// NaN stays, and -0 becomes a bound of +0, as in the device's maximum.
float clip(float v, float lo, float hi) {
  v = v <= lo ? lo : v;
  return v >= hi ? hi : v;
}

// 0 for NaN, which no range holds.
bool in_range(float v, float scale, const Range& range) {
  const float t = std::rint(v / scale);
  return t >= static_cast<float>(range.lo) && t <= static_cast<float>(range.hi);
}

template <class T>
void norm_act(const NormActArgs& args) {
  const bool quantizes = args.range.value != nullptr;
  const float scale = quantizes ? scale_of(args.range) : 0;
  const int64_t pitch = mask_pitch(args.channels);
  for (int64_t r = 0; r < args.rows; ++r) {
    for (int64_t c = 0; c < args.channels; ++c) {
      const int64_t at = r * args.channels + c;
      const float raw = before_clip<T>(args, at, c);
      bool pass = args.clip_lo < raw && raw < args.clip_hi;
      float v = clip(raw, args.clip_lo, args.clip_hi);
      if (args.peak != nullptr && std::fabs(v) > *args.peak) *args.peak = std::fabs(v);
      if (quantizes) {
        pass = pass && in_range(v, scale, args.range);
        if (std::isnan(v)) v = args.clip_lo;
        const int32_t q = quantize(v, scale, 0, args.range.lo, args.range.hi);
        if (args.q != nullptr) args.q[at] = static_cast<int8_t>(q);
        v = dequantize(q, scale, 0);
      }
      if (args.y != nullptr) put<T>(args.y, at, v);
      if (args.mask == nullptr) continue;
      uint8_t& byte = args.mask[r * pitch + c / 8];
      if (c % 8 == 0) byte = 0;
      if (pass) byte = static_cast<uint8_t>(byte | 1 << (c % 8));
    }
  }
}

template <class T>
void stats(const StatsArgs& args) {
  const auto row = [&](int64_t r, int64_t channel, int count, float* sums) {
    for (int i = 0; i < count; ++i) {
      const float d = get<T>(args.x, r * args.channels + channel + i) - get<T>(args.x, channel + i);
      sums[i] += d;
      sums[8 + i] = std::fma(d, d, sums[8 + i]);
    }
  };
  add_channels<16>(args.rows, args.channels, row, [&](int64_t tile, const Totals& totals) {
    for (int64_t c = tile * kTileChannels; c < std::min(args.channels, (tile + 1) * kTileChannels); ++c) {
      const auto lane = static_cast<size_t>(c % kTileChannels / 8), i = static_cast<size_t>(c % 8);
      const double sum = totals[i * kTileLanes + lane], squares = totals[(8 + i) * kTileLanes + lane];
      if (args.sums != nullptr) {
        put_stats_sums(args, c, sum, squares, get<T>(args.x, c));
      } else if (!finish_stats(args, c, sum, squares, get<T>(args.x, c))) {
        report(args.status, 0);
      }
    }
  });
}

template <class T>
float gradient_of(const void* one, const void* two, int64_t at) {
  return two == nullptr ? get<T>(one, at) : rounded<T>(get<T>(one, at) + get<T>(two, at));
}

float range_slope(float v, const Range& range) {
  const float scale = scale_of(range), t = v / scale;
  if (!in_range(v, scale, range)) return static_cast<float>(v > 0 ? range.hi : range.lo);
  return std::rint(t) - t;
}

template <class T>
void backward_reduce(const BackwardReduceArgs& args) {
  const int64_t pitch = mask_pitch(args.channels);
  const auto row = [&](int64_t r, int64_t channel, int count, float* sums) {
    for (int i = 0; i < count; ++i) {
      const int64_t c = channel + i, at = r * args.channels + c;
      const float whole = gradient_of<T>(args.gradient, args.gradient2, at);
      const float g = bit(args.mask, pitch, r, c) ? whole : 0.0f;
      sums[i] += g;
      sums[8 + i] = std::fma(g, get<T>(args.x, at) - (args.mean == nullptr ? 0.0f : args.mean[c]), sums[8 + i]);
      if (args.range_gradient != nullptr) {
        float v = before_clip<T>(args, at, c);
        v = std::isnan(v) ? args.clip_lo : clip(v, args.clip_lo, args.clip_hi);
        sums[16] = std::fma(whole, range_slope(v, args.range), sums[16]);
      }
      if (args.masked != nullptr) put<T>(args.masked, at, g);
    }
  };
  double range_sum = 0;
  const auto finish = [&](int64_t tile, const Totals& totals) {
    for (int64_t c = tile * kTileChannels; c < std::min(args.channels, (tile + 1) * kTileChannels); ++c) {
      const auto lane = static_cast<size_t>(c % kTileChannels / 8), i = static_cast<size_t>(c % 8);
      const double sum = totals[i * kTileLanes + lane], sum_x = totals[(8 + i) * kTileLanes + lane];
      if (args.mean != nullptr && !finish_backward(args, c, sum, sum_x)) report(args.status, 0);
    }
    if (args.range_gradient == nullptr) return;
    double of_tile = 0;
    for (int lane = 0; lane < lanes_of(args.channels, tile); ++lane) {
      of_tile += totals[static_cast<size_t>(16 * kTileLanes + lane)];
    }
    range_sum += of_tile;
  };
  if (args.range_gradient == nullptr) {
    add_channels<16>(args.rows, args.channels, row, finish);
    return;
  }
  add_channels<17>(args.rows, args.channels, row, finish);
  *args.range_gradient = static_cast<float>(args.range_factor * range_sum);
  if (!is_finite(range_sum)) report(args.status, 0);
}

template <class T>
void backward_apply(const BackwardApplyArgs& args) {
  const int64_t pitch = mask_pitch(args.channels);
  for (int64_t r = 0; r < args.rows; ++r) {
    for (int64_t c = 0; c < args.channels; ++c) {
      const int64_t at = r * args.channels + c;
      const float g = bit(args.mask, pitch, r, c) ? gradient_of<T>(args.gradient, args.gradient2, at) : 0.0f;
      const float ca = args.ca == nullptr ? 1.0f : args.ca[c];
      put<T>(args.dx, at,
             args.x == nullptr ? g * ca : std::fma(g, ca, std::fma(get<T>(args.x, at), args.cb[c], args.cc[c])));
    }
  }
}

}  // namespace

void twin_norm_act(const NormActArgs& args, cudaStream_t) {
  for_type(args.type, [&]<class T>() { norm_act<T>(args); });
}

void twin_dequantize(const DequantizeArgs& args, cudaStream_t) {
  for_type(args.type, [&]<class T>() {
    for (int64_t i = 0; i < args.size; ++i) put<T>(args.y, i, dequantize(args.q[i], scale_of(args.range), 0));
  });
}

void twin_move_ranges(const MoveRangesArgs& args, cudaStream_t) {
  for (int64_t i = 0; i < args.count; ++i) {
    float& range = *args.ranges[i];
    const float seen = range_of_peak(args.peaks[i], args.units[i]);
    range = range == 0.0f ? seen : range + args.momentum * (seen - range);
    if (!std::isfinite(range)) report(args.status, static_cast<int>(i));
    args.peaks[i] = 0.0f;
  }
}

void twin_stats(const StatsArgs& args, cudaStream_t) {
  if (args.rows == 0) return;
  for_type(args.type, [&]<class T>() { stats<T>(args); });
}

void twin_join_stats(const StatsArgs& args, cudaStream_t) {
  for (int64_t c = 0; c < args.channels; ++c) {
    if (!finish_stats(args, c, args.sums[c], args.sums[args.channels + c], 0.0f)) report(args.status, 0);
  }
}

void twin_join_reduce(const BackwardReduceArgs& args, cudaStream_t) {
  for (int64_t c = 0; c < args.channels; ++c) write_slopes(args, c, args.sums[c], args.sums[args.channels + c]);
}

void twin_frozen_stats(const FrozenStatsArgs& args, cudaStream_t) {
  for (int64_t c = 0; c < args.channels; ++c) {
    write_factors(static_cast<double>(args.running_mean[c]), static_cast<double>(args.running_var[c]), args.gamma[c],
                  args.beta[c], args.eps, c, args.mean, args.invstd, args.a, args.b);
  }
}

void twin_backward_reduce(const BackwardReduceArgs& args, cudaStream_t) {
  if (args.rows == 0) return;
  for_type(args.type, [&]<class T>() { backward_reduce<T>(args); });
}

void twin_backward_apply(const BackwardApplyArgs& args, cudaStream_t) {
  for_type(args.type, [&]<class T>() { backward_apply<T>(args); });
}

}  // namespace qat::train::cuda
