// One kernel call a chunk of rows: see pixel_pass.h.
#include "train/libtorch/pixel_pass.h"

#include "train/device.h"
#include "train/kernels/kernels.h"
#include "train/libtorch/parallel.h"

namespace qat::train {

namespace {

at::Tensor run_on_device(const at::Tensor& x, const at::Tensor& skip, const PixelPass& pass) {
  const Pixels px(x);
  at::Tensor y = empty_pixels(x);
  device_plugin("cuda")->norm_act({.rows = px.rows,
                                   .channels = px.channels,
                                   .x = x.const_data_ptr<float>(),
                                   .a = pass.a,
                                   .b = pass.b,
                                   .skip = skip.defined() ? skip.const_data_ptr<float>() : nullptr,
                                   .skip_scale = pass.skip_scale,
                                   .clip_lo = pass.clip_lo,
                                   .clip_hi = pass.clip_hi,
                                   .scale = pass.scale,
                                   .quant_lo = pass.quant_lo,
                                   .quant_hi = pass.quant_hi,
                                   .y = y.mutable_data_ptr<float>()});
  return y;
}

}  // namespace

at::Tensor run_pixels(const at::Tensor& x, const at::Tensor& skip, const PixelPass& pass) {
  at::Tensor in = x, other = skip;
  if (skip.defined() && skip.sizes() != x.sizes()) {
    const auto wide = at::infer_size(x.sizes(), skip.sizes());
    in = x.expand(wide), other = skip.expand(wide);
  }
  in = dense_pixels(in);
  if (other.defined()) other = dense_pixels(other);
  if (!in.is_cpu()) return run_on_device(in, other, pass);
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
