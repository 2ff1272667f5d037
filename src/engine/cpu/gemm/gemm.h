// Int8 matrix product of a fully connected layer, with the epilogue of a convolution.
//
//   acc[n,k] = sum over c of (x[n,c] - in_zero_point) * w[k,c], exact in int32
//   y[n,k]   = epilogue(acc, multiplier[k], bias[k], skip[n,k])
//
// x: u8 [N,pitch_of(C)]; w: s8 [K,C]; skip: u8 [N,pitch_of(K)]; y: u8 [N,pitch_of(K)] or f32 [N,K]. A flattened image
// [N,H,W,C] with H*W > 1 lies in memory as H*W groups of pitch_of(C) bytes: ask for `positions` = H*W and `channels` =
// C; C of the formula is then channels * positions, and w keeps ONNX's order of a flattened NCHW tensor: [K][C][H*W].
#pragma once

#include "engine/cpu/epilogue.h"
#include "engine/cpu/kernel.h"

namespace qat::kernels {

struct GemmProblem {
  int64_t channels = 1, positions = 1;  // inputs = channels * positions
  int64_t outputs = 1;
  int32_t in_zero_point = 0;
  int32_t in_highest = 255;  // no stored value of x is higher
  Epilogue epilogue;
  int64_t rows = 1;  // N, the bound shape

  int64_t row_bytes() const { return positions * pitch_of(channels); }
  int64_t macs() const { return rows * outputs * channels * positions; }
};

struct GemmArgs {
  const uint8_t* x = nullptr;
  const void* weights = nullptr;      // packed by the same kernel
  const float* multiplier = nullptr;  // [K]
  const float* bias = nullptr;        // [K]
  const uint8_t* skip = nullptr;      // when epilogue.has_skip
  void* y = nullptr;
};

using GemmKernel = WeightKernel<GemmProblem, GemmArgs>;

std::span<const GemmKernel> gemm_kernels();  // fastest first, the last is gemm_s8_reference

}  // namespace qat::kernels
