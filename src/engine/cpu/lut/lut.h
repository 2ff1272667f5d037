// Any function of one int8 value as a table: y = table[x]. The engine computes the table from base/qmath.h once.
//
// x, y: u8 [N,H,W,pitch_of(C)], y may be x's buffer; pad channels get zero_point. A unit is one pixel.
#pragma once

#include "engine/cpu/kernel.h"

namespace qat::kernels {

struct LutProblem {
  int64_t channels = 1;
  int32_t zero_point = 0;  // of y
  int64_t pixels = 1;      // N*H*W, the bound shape
};

struct LutArgs {
  const uint8_t* x = nullptr;
  const uint8_t* table = nullptr;  // [256]
  uint8_t* y = nullptr;
};

using LutKernel = Kernel<LutProblem, LutArgs>;

std::span<const LutKernel> lut_kernels();  // fastest first, the last is lut_reference

}  // namespace qat::kernels
