// The step from pictures or float activations to int8 activations. y: u8 [N,H,W,pitch_of(C)].
//
//   kF32Nchw, kF32Nhwc   y = clamp(rne(x / scale), lo - zero_point, hi - zero_point) + zero_point    (a true division)
//   kU8Nhwc              y = table[c][x]    x: u8 [N,H,W,C] without pad; the engine's input step builds the table from
//                        mean, deviation and scale with the same formula
//
// x: f32 [N,C,H,W] or [N,H,W,C]; NaN gives lo. Pad channels get zero_point. A unit is one row of one image.
#pragma once

#include "engine/cpu/kernel.h"

namespace qat::kernels {

enum class QuantizeSource : uint8_t { kF32Nchw, kF32Nhwc, kU8Nhwc };

struct QuantizeProblem {
  QuantizeSource source = QuantizeSource::kF32Nchw;
  int64_t channels = 1;
  float scale = 1.0f;
  int32_t zero_point = 0, lo = 0, hi = 255;  // stored values
  int64_t batch = 1, height = 1, width = 1;  // the bound shape; [N,C] is height = width = 1
};

struct QuantizeArgs {
  const void* x = nullptr;
  const uint8_t* table = nullptr;  // kU8Nhwc: [C][256]
  uint8_t* y = nullptr;
};

using QuantizeKernel = Kernel<QuantizeProblem, QuantizeArgs>;

std::span<const QuantizeKernel> quantize_kernels();  // fastest first, the last is quantize_reference

}  // namespace qat::kernels
