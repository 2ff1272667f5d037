// Words that the training kernels' arguments share.
#pragma once

#include <cstdint>

#include "base/qmath.h"

using cudaStream_t = struct CUstream_st*;

namespace qat::train::cuda {

enum class Type : uint8_t { kBF16, kF32 };

QAT_HD int64_t mask_pitch(int64_t channels) { return (channels + 7) / 8; }

// A quantizer's range in device memory: s = value / unit, 1 where the value is 0.
struct Range {
  const float* value = nullptr;  // null: no quantization
  float unit = 127;              // 127: an amax; 1: the scale itself (ir::RangeKind)
  int lo = -128, hi = 127;
};

// The range that the largest magnitude asks for.
QAT_HD float range_of_peak(float peak, float unit) { return unit == 127.0f ? peak : peak / 127.0f * unit; }

// Where something was NaN or infinite: one word in device memory, 0 while all is finite, else that of the smallest
// place. The optimizers do nothing while it is not 0.
struct Status {
  int32_t* word = nullptr;  // null: not reported
  int32_t place = 0;        // of this call, from 0, in the order of the network
};

QAT_HD int32_t status_word(int32_t place) { return 0x7FFFFFFF - place; }
QAT_HD int32_t place_of(int32_t word) { return 0x7FFFFFFF - word; }  // word != 0

}  // namespace qat::train::cuda
