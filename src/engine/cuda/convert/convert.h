// From one coding, type or layout to another: reading and writing the caller's memory, quantize, dequantize, flatten,
// and what copies float tensors about (pads, concatenations).
//
//   y[n,c,h,w] = code_y(decode_x(x[n,c,h,w]))      decode, code: base/qmath.h for u8, a change of type for float
//   y[n,c,h,w] = x[n,c,h,w]                        when `copies`: equal types and codings
//   y[n,c,h,w] = code_y(table[c][x[n,c,h,w]])      with a table of f32 [C][256]; u8 [C][256] is stored as it is
//
// A side is any dense or strided tensor. NaN is coded as lo. What no element maps to stays as it was, but for the
// `pad_channels` behind a pixel's channels, which become 0.
#pragma once

#include "engine/cuda/kernel.h"

namespace qat::cuda {

enum class Element : uint8_t { kU8, kF32, kF16 };

struct ConvertSide {
  Element element = Element::kF32;
  int64_t n = 0, c = 0, h = 0, w = 0;  // strides in elements
  float scale = 1.0f;                  // kU8
  int32_t zero = 0, lo = 0, hi = 255;  // kU8
};

enum class Lookup : uint8_t { kNone, kU8, kF32 };

struct ConvertProblem {
  ConvertSide from, to;
  bool copies = false;
  Lookup lookup = Lookup::kNone;
  int64_t batch = 1, channels = 1, height = 1, width = 1;  // of the elements converted
  int64_t pad_channels = 0;                                // f16 with to.c == 1 only
};

// Memory of the caller is known at run time only: where `slot` is not null it holds the address, in device memory.
struct ConvertArgs {
  const void* x = nullptr;
  const void* const* x_slot = nullptr;
  const void* table = nullptr;
  void* y = nullptr;
  void* const* y_slot = nullptr;
};

using ConvertKernel = Kernel<ConvertProblem, ConvertArgs>;

std::span<const ConvertKernel> convert_kernels();

}  // namespace qat::cuda
