// The warp's tensor-core product: 16x8 s32 += 16x32 u8 times 32x8 s8 (sm_80), exact modulo 2^32.
//
// Lane l = 4 g + t. a: rows g, g + 8, each bytes 4 t .. + 3 and 16 + 4 t .. + 3 of the depth, in the order (g, low),
// (g + 8, low), (g, high), (g + 8, high). b: column g, the same bytes, low and high. c: row g columns 2 t, 2 t + 1,
// then row g + 8. These are what load_matrices gives for rows of 32 bytes of depth.
#pragma once

#include <cstdint>

namespace qat::cuda {

__device__ inline void mma_u8s8(int32_t (&c)[4], const uint32_t (&a)[4], uint32_t b_low, uint32_t b_high) {
  asm volatile(
      "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b_low), "r"(b_high));
}

}  // namespace qat::cuda
