// Tiles of words for every instruction set that has them: tile.h. Included by one file of each. `Dot` is its vectors:
//
//   Dot::Vector, load(p), broadcast(p) of 4 bytes, store(v, p)
//   Dot::add(sum, x, w)      sum + x0 * w0 + x1 * w1 in each lane
#pragma once

#include <immintrin.h>

#include <utility>

#include "engine/cpu/tile/tile.h"

namespace qat::kernels {
namespace {

template <class Dot, int Rows, int Vectors>
void tile_words(TileTask t, int64_t tiles) {
  using Vector = typename Dot::Vector;
  constexpr int64_t kVector = sizeof(Vector), kSteps = kVector / 4;
  const int64_t next_step = t.next_bytes / t.steps;
  TileWalk walk(t, Rows, tiles);
  do {
    Vector sums[Rows][Vectors] = {};
    const uint8_t* block = t.rows;
    const auto* w = static_cast<const uint8_t*>(t.panel);
    const uint8_t* next = t.next;
    for (int64_t left = t.steps; left > 0; left -= kSteps, block += t.segment_step) {
      const uint8_t* x = block;
      int64_t steps = left < kSteps ? left : kSteps;
      const auto step = [&](int64_t at) {
        Vector weights[Vectors];
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v) weights[v] = Dot::load(w + (at * Vectors + v) * kVector);
#pragma GCC unroll 16
        for (int i = 0; i < Rows; ++i) {
          const Vector words = Dot::broadcast(x + i * kVector + 4 * at);
#pragma GCC unroll 2
          for (int v = 0; v < Vectors; ++v) sums[i][v] = Dot::add(sums[i][v], words, weights[v]);
        }
      };
      for (; steps >= 4; steps -= 4, x += 16, w += 4 * Vectors * kVector) {
        step(0), step(1), step(2), step(3);
        _mm_prefetch(next, _MM_HINT_T1);
        next += 4 * next_step;
      }
      for (; steps > 0; --steps, x += 4, w += Vectors * kVector) step(0);
    }
    t.next += t.next_bytes;
    uint8_t* y = t.y;
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i, y += t.y_stride)
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) Dot::store(sums[i][v], y + v * kVector);
  } while (walk.next());
}

template <class Dot, int... Row>
constexpr TileSet make_words(Isa isa, std::integer_sequence<int, Row...>) {
  return {.isa = isa,
          .max_rows = sizeof...(Row),
          .max_vectors = 2,
          .vector_columns = sizeof(typename Dot::Vector) / 4,
          .pairs = false,
          .depth_multiple = 4,
          .function = {{tile_words<Dot, Row + 1, 1>...}, {tile_words<Dot, Row + 1, 2>...}}};
}

}  // namespace
}  // namespace qat::kernels
