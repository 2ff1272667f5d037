// Tiles into shared memory by the copy engine (TMA, sm_90): a box of a tensor map, complete when `barrier` has counted
// its bytes. Outside the tensor it is 0.
#pragma once

#include <cuda.h>

#include <cstdint>

namespace qat::cuda {

// The box at column (in bytes) and row of a matrix.
__device__ inline void copy_box(uint32_t to, const CUtensorMap& map, int column, int row, uint32_t barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::
          "r"(to),
      "l"(&map), "r"(column), "r"(row), "r"(barrier)
      : "memory");
}

// Pixels of a window's tap (tap_w, tap_h), in order from the one whose window's corner is (w, h) of image n.
__device__ inline void copy_pixels(uint32_t to, const CUtensorMap& map, int channel, int w, int h, int n, int tap_w,
                                   int tap_h, uint32_t barrier) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes "
      "[%0], [%1, {%2, %3, %4, %5}], [%6], {%7, %8};" ::"r"(to),
      "l"(&map), "r"(channel), "r"(w), "r"(h), "r"(n), "r"(barrier), "h"(static_cast<uint16_t>(tap_w)),
      "h"(static_cast<uint16_t>(tap_h))
      : "memory");
}

__device__ inline void prefetch_map(const CUtensorMap& map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
}

}  // namespace qat::cuda
