// Kernel body: y = fake_quant(clip(x * a + b + skip)) in one pass, with the mask of the gradient and the largest |v|.
#pragma once

#include "train/kernels/kernels.h"
#include "train/kernels/tiles.h"

namespace qat::train {

// What is present is a template parameter, so that the loop over rows has no branches.
template <bool kNorm, bool kSkip, bool kQuant, bool kMask>
struct NormActParts {
  static constexpr bool norm = kNorm, skip = kSkip, quant = kQuant, mask = kMask;
};

// One tile of channels, all rows. `n` < S::kWidth only in a row's last tile.
template <class S, class Parts, bool kFull>
typename S::V norm_act_tile(const NormActArgs& args, int64_t row0, int64_t row1, int64_t c, int n) {
  using V = typename S::V;
  const Tile<S, kFull> tile{n};
  const V lo = S::set1(args.clip_lo), hi = S::set1(args.clip_hi), scale = S::set1(args.scale);
  const V skip_scale = S::set1(args.skip_scale);
  const V q_lo = S::set1(static_cast<float>(args.quant_lo)), q_hi = S::set1(static_cast<float>(args.quant_hi));
  V a{}, b{};
  if constexpr (Parts::norm) a = tile.load(args.a + c), b = tile.load(args.b + c);
  V peak = S::set1(0.0f);
  const int64_t pitch = mask_pitch(args.channels);
  for (int64_t r = row0; r < row1; ++r) {
    const int64_t at = r * args.channels + c;
    V v = tile.load(args.x + at);
    if constexpr (Parts::norm) v = S::fma(v, a, b);
    if constexpr (Parts::skip) v = S::fma(tile.load(args.skip + at), skip_scale, v);
    typename S::M pass{};
    if constexpr (Parts::mask) pass = S::both(S::less(lo, v), S::less(v, hi));
    v = S::min(hi, S::max(lo, v));  // NaN stays NaN
    if constexpr (Parts::quant) {
      peak = S::max(S::abs(v), peak);
      const V q = S::round(S::div(v, scale));
      if constexpr (Parts::mask) pass = S::both(pass, S::both(S::less_equal(q_lo, q), S::less_equal(q, q_hi)));
      v = S::mul(S::min(S::max(q, q_lo), q_hi), scale);  // NaN becomes the lower bound, as in qmath.h
    }
    tile.store(args.y + at, v);
    if constexpr (Parts::mask) tile.store_bits(args.mask + r * pitch + c / 8, S::bits(pass));
  }
  return peak;
}

template <class S, class Parts>
float norm_act_rows(const NormActArgs& args) {
  typename S::V peak = S::set1(0.0f);
  for_tiles<S>(args.rows, args.channels, [&](int64_t row0, int64_t row1, int64_t c, int n) {
    const auto tile_peak = n == S::kWidth ? norm_act_tile<S, Parts, true>(args, row0, row1, c, n)
                                          : norm_act_tile<S, Parts, false>(args, row0, row1, c, n);
    peak = S::max(tile_peak, peak);
  });
  return S::reduce_max(peak);
}

template <class S, bool... kDone, class... Rest>
float norm_act_dispatch(const NormActArgs& args, bool head, Rest... rest) {
  if constexpr (sizeof...(Rest) == 0) {
    return head ? norm_act_rows<S, NormActParts<kDone..., true>>(args)
                : norm_act_rows<S, NormActParts<kDone..., false>>(args);
  } else {
    return head ? norm_act_dispatch<S, kDone..., true>(args, rest...)
                : norm_act_dispatch<S, kDone..., false>(args, rest...);
  }
}

template <class S>
float norm_act(const NormActArgs& args) {
  return norm_act_dispatch<S>(args, args.a != nullptr, args.skip != nullptr, args.scale > 0, args.mask != nullptr);
}

}  // namespace qat::train
