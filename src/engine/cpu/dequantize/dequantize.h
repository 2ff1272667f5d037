// The step from int8 activations back to float: y = float(x - zero_point) * scale.
//
// x: u8 [N,H,W,pitch_of(C)]; y: f32 [N,H,W,C] or [N,C,H,W]. A unit is one row of one image.
#pragma once

#include "engine/cpu/kernel.h"

namespace qat::kernels {

enum class DequantizeTarget : uint8_t { kF32Nhwc, kF32Nchw };

struct DequantizeProblem {
  DequantizeTarget target = DequantizeTarget::kF32Nhwc;
  int64_t channels = 1;
  float scale = 1.0f;
  int32_t zero_point = 0;
  int64_t batch = 1, height = 1, width = 1;  // the bound shape
};

struct DequantizeArgs {
  const uint8_t* x = nullptr;
  float* y = nullptr;
};

using DequantizeKernel = Kernel<DequantizeProblem, DequantizeArgs>;

std::span<const DequantizeKernel> dequantize_kernels();  // fastest first, the last is dequantize_reference

}  // namespace qat::kernels
