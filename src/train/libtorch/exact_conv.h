// A convolution as a matrix product over columns, for devices whose own convolutions round on the way.
#pragma once

#include "ir/ops.h"
#include "train/libtorch/libtorch.h"

namespace qat::train {

// x: [N,C,H,W], w: [K,C/groups,R,S] of the same type, both best channels last; no bias. Returns [N,K,OH,OW], channels
// last. Sums are plain ones of products, in an order that is not said: where integers stay below 2^24 they are exact.
// cuDNN may choose Winograd's or Fourier's transforms, which round, and LibTorch's own convolution goes image by image.
// Columns are made for a part of the batch at a time, so that they stay below kColumnBytes (one image may exceed it).
at::Tensor conv_by_columns(const at::Tensor& x, const at::Tensor& w, const ir::ConvAttrs& attrs);

constexpr int64_t kColumnBytes = int64_t{512} << 20;

}  // namespace qat::train
