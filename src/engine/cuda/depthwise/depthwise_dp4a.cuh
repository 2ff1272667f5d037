// The depthwise product by dp4a, four taps of a window's row at a time.
//
// A pixel's word holds 4 channels; four neighbouring pixels are transposed into one word a channel, which dp4a
// multiplies by 4 taps of that channel. An output whose window begins inside the four takes the taps shifted by as many
// bytes, so a transposed word serves all windows that touch it.
#pragma once

#include <cstdint>

namespace qat::cuda {

// sum + u8 (4) . s8 (4)
__device__ inline int32_t dot4(uint32_t x, uint32_t w, int32_t sum) {
  int32_t result;
  asm("dp4a.u32.s32 %0, %1, %2, %3;" : "=r"(result) : "r"(x), "r"(w), "r"(sum));
  return result;
}

// to[c] byte p = from[p] byte c.
__device__ inline void transpose4(const uint32_t* from, uint32_t (&to)[4]) {
  const uint32_t a = __byte_perm(from[0], from[1], 0x5140), b = __byte_perm(from[0], from[1], 0x7362);
  const uint32_t c = __byte_perm(from[2], from[3], 0x5140), d = __byte_perm(from[2], from[3], 0x7362);
  to[0] = __byte_perm(a, c, 0x5410), to[1] = __byte_perm(a, c, 0x7632);
  to[2] = __byte_perm(b, d, 0x5410), to[3] = __byte_perm(b, d, 0x7632);
}

// Taps kFirst .. kFirst + 3 of the 8 in low, high; those before 0 are 0.
template <int kFirst>
__device__ inline uint32_t taps_from(uint32_t low, uint32_t high) {
  if constexpr (kFirst < 0) {
    return low << (-8 * kFirst);
  } else if constexpr (kFirst < 4) {
    return __funnelshift_r(low, high, 8 * kFirst);  // 0: low itself
  } else {
    return high >> (8 * (kFirst - 4));
  }
}

}  // namespace qat::cuda
