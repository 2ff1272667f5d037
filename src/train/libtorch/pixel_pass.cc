// One kernel call a chunk of rows: see pixel_pass.h.
#include "train/libtorch/pixel_pass.h"

#include "train/kernels/kernels.h"
#include "train/libtorch/parallel.h"

namespace qat::train {

at::Tensor run_pixels(const at::Tensor& x, const at::Tensor& skip, const PixelPass& pass) {
  at::Tensor in = x, other = skip;
  if (skip.defined() && skip.sizes() != x.sizes()) {
    const auto wide = at::infer_size(x.sizes(), skip.sizes());
    in = x.expand(wide), other = skip.expand(wide);
  }
  in = dense_pixels(in);
  if (other.defined()) other = dense_pixels(other);
  const Pixels px(in);
  at::Tensor y = empty_pixels(in);
  RowChunks(px.rows, px.channels).run([&](int64_t, int64_t row, int64_t rows) {
    const int64_t at = row * px.channels;
    kernels().norm_act({.rows = rows,
                        .channels = px.channels,
                        .x = in.const_data_ptr<float>() + at,
                        .a = pass.a,
                        .b = pass.b,
                        .skip = other.defined() ? other.const_data_ptr<float>() + at : nullptr,
                        .skip_scale = pass.skip_scale,
                        .clip_lo = pass.clip_lo,
                        .clip_hi = pass.clip_hi,
                        .scale = pass.scale,
                        .quant_lo = pass.quant_lo,
                        .quant_hi = pass.quant_hi,
                        .y = y.mutable_data_ptr<float>() + at});
  });
  return y;
}

}  // namespace qat::train
