// Outputs of conv_tma.cuh: multipliers and biases in shared memory, a set's tile from registers to global memory.
#pragma once

#include "engine/cuda/conv/conv_epilogue.cuh"
#include "engine/cuda/conv/conv_tma_params.h"
#include "engine/cuda/mma/barrier.cuh"

namespace qat::cuda {

// Multipliers, biases and start values of the p.all_columns channels from `first` on: [3][all_columns], 0 past the last
// channel; start values are 0 but where `starts`. Returns whether the outputs are unit_outputs(); multipliers and
// biases are then times kUnit. By all that multiply.
template <int kThreads>
__device__ inline bool load_columns(const ConvTmaParams& p, int first, bool starts, float* to) {
  bool odd = !p.unit.usable;
  for (int i = static_cast<int>(threadIdx.x); i < p.all_columns; i += kThreads) {
    const int channel = first + i;
    const bool exists = channel < p.out_channels;
    const float multiplier = exists ? p.multiplier[channel] : 0.0f, bias = exists ? p.bias[channel] : 0.0f;
    odd = odd || !unit_exact(multiplier) || !unit_exact(bias);
    to[i] = multiplier, to[p.all_columns + i] = bias;
    reinterpret_cast<int32_t*>(to)[2 * p.all_columns + i] = exists && starts ? p.start[channel] : 0;
  }
  const bool unit = !any_of(odd, kColumnsTurn, kThreads);
  for (int i = static_cast<int>(threadIdx.x); unit && i < p.all_columns; i += kThreads)
    to[i] *= kUnit, to[p.all_columns + i] *= kUnit;
  wait_turn(kColumnsTurn, kThreads);
  return unit;
}

// 8 bytes of the skip's tile in shared memory, as the copy engine swizzled it.
template <TmaSpec kSpec>
__device__ inline uint2 tile_skip(uint32_t tile, int row, int column) {
  constexpr int kBox = kSpec.columns < 128 ? kSpec.columns : 128;
  const int key = kBox == 128 ? row & 7 : row >> 1 & 3, chunk = column % kBox >> 4;
  uint2 word;
  asm volatile("ld.shared.v2.u32 {%0, %1}, [%2];"
               : "=r"(word.x), "=r"(word.y)
               : "r"(tile + column / kBox * (kBox * kSpec.rows) + row * kBox + ((chunk ^ key) << 4) + (column & 8))
               : "memory");
  return word;
}

template <bool kUnitOutputs, bool kSkip>
__device__ inline uint2 outputs8(const ConvTmaParams& p, const Scales8& s, const int32_t (&sum)[8], uint2 skip) {
  if constexpr (kUnitOutputs && kSkip) {
    return make_uint2(unit_outputs(p.unit, sum, s.multiplier, s.bias, skip.x),
                      unit_outputs(p.unit, sum + 4, s.multiplier + 4, s.bias + 4, skip.y));
  } else if constexpr (kUnitOutputs) {
    return make_uint2(unit_outputs(p.unit, sum, s.multiplier, s.bias),
                      unit_outputs(p.unit, sum + 4, s.multiplier + 4, s.bias + 4));
  } else {
    float v[2][4];
#pragma unroll
    for (int i = 0; i < 8; ++i) v[i / 4][i % 4] = accumulated(sum[i], s.multiplier[i], s.bias[i]);
    if constexpr (kSkip) add_skip4(p.epilogue, skip.x, v[0]), add_skip4(p.epilogue, skip.y, v[1]);
    return make_uint2(clamp4(p.epilogue, v[0]), clamp4(p.epilogue, v[1]));
  }
}

// Where `stored`; a branch around each store would keep the compiler from mixing the outputs' instructions.
__device__ inline void store_if(bool stored, uint8_t* to, uint2 word) {
  asm volatile(
      "{\n .reg .pred stored;\n setp.ne.b32 stored, %3, 0;\n @stored st.global.v2.u32 [%0], {%1, %2};\n}" ::"l"(to),
      "r"(word.x), "r"(word.y), "r"(static_cast<int32_t>(stored))
      : "memory");
}

// Without branches but for whole groups of columns: what is outside is computed too, and only not stored. columns: the
// tile's.
template <TmaSpec kSpec, bool kUnitOutputs, bool kSkip, class Sums>
__device__ inline void store_rows(const ConvTmaParams& p, const TmaPlace<kSpec>& at, const Sums& sums,
                                  const float* columns, uint32_t skip) {
  constexpr int kRows = 2 * Sums::kRowPairs;
  uint8_t* y[kRows];
  bool inside[kRows];
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int pixel = at.first_pixel + sums.row(i / 2, i % 2);
    inside[i] = pixel < p.pixels;
    y[i] = static_cast<uint8_t*>(p.y) + static_cast<int64_t>(pixel) * p.out_pitch + at.first_column + sums.column(0);
    asm volatile("" : "+l"(y[i]));  // kept, not computed again for each store
  }
#pragma unroll
  for (int q = 0; q < Sums::kColumnGroups; ++q) {
    if (at.first_column + q * 32 >= p.stored) break;
    const bool stored = at.first_column + sums.column(q) < p.stored;
    const Scales8 s = scales_at(columns, p.all_columns, sums.column(q));
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      int32_t sum[8];
      sums.gather(q, i / 2, i % 2, sum);
      const uint2 skipped = kSkip ? tile_skip<kSpec>(skip, sums.row(i / 2, i % 2), sums.column(q)) : make_uint2(0, 0);
      const uint2 word = outputs8<kUnitOutputs, kSkip>(p, s, sum, skipped);
      store_if(inside[i] && stored, y[i] + q * 32, word);
    }
  }
}

template <TmaSpec kSpec, class Sums>
__device__ inline void store_tile(const ConvTmaParams& p, const TmaPlace<kSpec>& at, const Sums& sums,
                                  const float* columns, uint32_t skip, bool unit) {
  if (p.has_skip) {
    unit ? store_rows<kSpec, true, true>(p, at, sums, columns, skip)
         : store_rows<kSpec, false, true>(p, at, sums, columns, skip);
  } else {
    unit ? store_rows<kSpec, true, false>(p, at, sums, columns, skip)
         : store_rows<kSpec, false, false>(p, at, sums, columns, skip);
  }
}

}  // namespace qat::cuda
