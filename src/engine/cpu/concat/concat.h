// Concatenation of int8 tensors along the channels, each input requantized to the output's scale.
//
//   y[.., offset_i + c] = clamp(rne(float(x_i[.., c] - z_i) * scale_i), lo - zero_point, hi - zero_point) + zero_point,
//   scale_i = s_i / s_y, offset_i = sum of the channels of the inputs before i
//
// With scale_i = 1 and z_i = zero_point this is a copy (values lie in lo..hi already). x_i: u8 [N,H,W,pitch_of(C_i)];
// y: u8 [N,H,W,pitch_of(sum C_i)]. A unit is one pixel.
#pragma once

#include <span>

#include "engine/cpu/kernel.h"

namespace qat::kernels {

struct ConcatInput {
  int64_t channels = 1;
  int32_t zero_point = 0;
  float scale = 1.0f;
};

struct ConcatProblem {
  std::span<const ConcatInput> inputs;
  int32_t zero_point = 0, lo = 0, hi = 255;
  int64_t pixels = 1;  // N*H*W, the bound shape

  int64_t channels() const {
    int64_t sum = 0;
    for (const ConcatInput& input : inputs) sum += input.channels;
    return sum;
  }
};

struct ConcatArgs {
  const uint8_t* const* x = nullptr;  // one pointer per input
  uint8_t* y = nullptr;
};

using ConcatKernel = Kernel<ConcatProblem, ConcatArgs>;

std::span<const ConcatKernel> concat_kernels();  // fastest first, the last is concat_reference

}  // namespace qat::kernels
