// Sum of two int8 tensors of one shape, each with its own scale, requantized.
//
//   v = fma(float(b - b_zero_point), b_scale, float(a - a_zero_point) * a_scale),  a_scale = s_a / s_y, b_scale = s_b /
//   s_y y = epilogue of v without skip (epilogue.h)
//
// a, b: u8 [N,H,W,pitch_of(C)]; y the same, or f32 [N,H,W,C]; a u8 y may be a's or b's buffer. A unit is one pixel.
#pragma once

#include "engine/cpu/epilogue.h"
#include "engine/cpu/kernel.h"

namespace qat::kernels {

struct AddProblem {
  int64_t channels = 1;
  int32_t a_zero_point = 0, b_zero_point = 0;
  float a_scale = 1.0f, b_scale = 1.0f;
  Epilogue epilogue;
  int64_t pixels = 1;  // N*H*W, the bound shape
};

struct AddArgs {
  const uint8_t* a = nullptr;
  const uint8_t* b = nullptr;
  void* y = nullptr;
};

using AddKernel = Kernel<AddProblem, AddArgs>;

std::span<const AddKernel> add_kernels();  // fastest first, the last is add_reference

}  // namespace qat::kernels
