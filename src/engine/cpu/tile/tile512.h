// Tiles of some rows x 32 columns on 512-bit registers, for the two instruction sets that have them. Included by one
// file of each; `Dot` says how a step of 4 bytes is multiplied.
#pragma once

#include <cstring>
#include <utility>

#include "engine/cpu/tile/epilogue512.h"

namespace qat::kernels {
namespace {

// Row i is at base[i / 3] + (i % 3) * stride: five pointers reach fourteen rows within an address's base + 2 * index.
template <class Dot, int Rows, int Vectors>
[[gnu::always_inline]] inline void multiply(const TileTask& t, Sums<Rows, Vectors>& sums) {
  const auto* panel = static_cast<const int8_t*>(t.panel);
#pragma GCC unroll 2
  for (int v = 0; v < Vectors; ++v) {
    const __m512i start = _mm512_load_si512(panel + 64 * v);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) sums.acc[i][v] = start;
  }
  constexpr int kBases = (Rows + 2) / 3;
  const uint8_t* base[kBases];
  for (int g = 0; g < kBases; ++g) {
    base[g] = t.rows + 3 * g * t.row_stride;
    asm("" : "+r"(base[g]));  // keeps the compiler from deriving all rows from one pointer
  }
  const int8_t* w = panel + 64 * Vectors;
  const uint8_t* next = t.next;
  const int64_t jump = t.segment_step - 4 * t.steps;
  for (int64_t segment = 0; segment < t.segments; ++segment) {
    for (int64_t step = 0; step < t.steps; ++step, w += 64 * Vectors) {
      const typename Dot::template Weights<Vectors> weights(w);
#pragma GCC unroll 16
      for (int i = 0; i < Rows; ++i) {
        int32_t four;
        std::memcpy(&four, base[i / 3] + (i % 3) * t.row_stride, 4);
        weights.add(_mm512_set1_epi32(four), sums.acc[i]);
      }
      // A step covers at most two lines: its own 128 bytes, spread over the tiles of a block.
      _mm_prefetch(next, _MM_HINT_T1);
      _mm_prefetch(next + t.next_bytes / 2, _MM_HINT_T1);
      next += t.next_bytes;
#pragma GCC unroll 8
      for (int g = 0; g < kBases; ++g) base[g] += 4;
    }
#pragma GCC unroll 8
    for (int g = 0; g < kBases; ++g) base[g] += jump;
  }
}

template <class Dot, int Rows, int Vectors>
void tile512(TileTask t, int64_t count) {
  const Finish how = choose_finish(t, Vectors);
  for (; count > 0; --count, t.advance(Rows)) {
    Sums<Rows, Vectors> sums;
    multiply<Dot>(t, sums);
    finish(how, t, sums);
  }
}

template <class Dot, int... Row>
constexpr TileSet make_tiles512(Isa isa, bool pairs, std::integer_sequence<int, Row...>) {
  return {.isa = isa,
          .max_rows = sizeof...(Row),
          .max_vectors = 2,
          .vector_columns = 16,
          .pairs = pairs,
          .depth_multiple = 4,
          .function = {{tile512<Dot, Row + 1, 1>...}, {tile512<Dot, Row + 1, 2>...}}};
}

}  // namespace
}  // namespace qat::kernels
