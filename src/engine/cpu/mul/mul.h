// Product of two int8 tensors, requantized; the second may be one gate per image and channel (squeeze-excite).
//
//   v = float((a - a_zero_point) * (b - b_zero_point)) * scale,  scale = s_a s_b / s_y
//   y = epilogue of v without skip (epilogue.h)
//
// a: u8 [N,H,W,pitch_of(C)]; b: the same, or u8 [N,1,1,pitch_of(C)] when `gate`; y like a, or f32 [N,H,W,C]; a u8 y may
// be a's buffer. A unit is one pixel.
#pragma once

#include "engine/cpu/epilogue.h"
#include "engine/cpu/kernel.h"

namespace qat::kernels {

enum class MulShape : uint8_t { kSame, kGate };

struct MulProblem {
  MulShape shape = MulShape::kGate;
  int64_t channels = 1;
  int32_t a_zero_point = 0, b_zero_point = 0;
  float scale = 1.0f;
  Epilogue epilogue;
  int64_t batch = 1, pixels = 1;  // N and H*W, the bound shape
};

struct MulArgs {
  const uint8_t* a = nullptr;
  const uint8_t* b = nullptr;
  void* y = nullptr;
};

using MulKernel = Kernel<MulProblem, MulArgs>;

std::span<const MulKernel> mul_kernels();  // fastest first, the last is mul_reference

}  // namespace qat::kernels
