// Tiles of words of up to 6 rows x 16 columns on 256-bit registers. Included by one file of each instruction set; `Dot`
// says how a step of two words is multiplied.
#pragma once

#include "engine/cpu/tile/tile256.h"

namespace qat::kernels {
namespace {

template <class Dot, int Rows, int Vectors>
void tile_words256(TileTask t, int64_t tiles) {
  TileWalk walk(t, Rows, tiles);
  do {
    for (int64_t i = 0; i < t.next_bytes; i += 64) _mm_prefetch(t.next + i, _MM_HINT_T1);
    t.next += t.next_bytes;
    __m256i sums[Rows][Vectors];
    multiply256<Dot>(t, sums);
    uint8_t* y = t.y;
#pragma GCC unroll 6
    for (int i = 0; i < Rows; ++i, y += t.y_stride)
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) _mm256_store_si256(reinterpret_cast<__m256i*>(y + 32 * v), sums[i][v]);
  } while (walk.next());
}

template <class Dot, int... Row>
constexpr TileSet make_words256(Isa isa, std::integer_sequence<int, Row...>) {
  return {.isa = isa,
          .max_rows = sizeof...(Row),
          .max_vectors = 2,
          .vector_columns = 8,
          .pairs = false,
          .depth_multiple = 4,
          .function = {{tile_words256<Dot, Row + 1, 1>...}, {tile_words256<Dot, Row + 1, 2>...}}};
}

}  // namespace
}  // namespace qat::kernels
