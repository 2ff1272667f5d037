// Where byte `16 chunk` of row `row` of a tile lies in shared memory, so that ldmatrix's 8 rows hit all 32 banks.
//
// kRowBytes 128: chunk ^ (row % 8), which is also the tensor core's 128-byte swizzle (wgmma).
// kRowBytes 64: two rows share 128 bytes, chunk ^ (row / 2 % 4).
#pragma once

#include "base/qmath.h"

namespace qat::cuda {

template <int kRowBytes>
QAT_HD constexpr int swizzle_key(int row) {
  static_assert(kRowBytes == 64 || kRowBytes == 128);
  return kRowBytes == 128 ? row & 7 : row >> 1 & 3;
}

template <int kRowBytes>
QAT_HD constexpr int swizzled(int row, int chunk) {
  return row * kRowBytes + ((chunk ^ swizzle_key<kRowBytes>(row)) << 4);
}

}  // namespace qat::cuda
