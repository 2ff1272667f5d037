// Tiles of some rows x 32 columns on 512-bit registers, for the two instruction sets that have them. Included by one
// file of each; `Dot` says how a step of 4 bytes is multiplied.
//
// A high tile is two halves, and they take turns: the epilogue of a half, which converts and shuffles, mostly on units
// that multiply nothing, stands between the multiply-adds of the other and those of the next tile's half. Its sums are
// long complete then, so that the processor finds both kinds of work at once. A tile that ends as a whole ends in a
// chain of some 25 cycles, and the next one waits for its registers.
#pragma once

#include <cstring>
#include <utility>

#include "engine/cpu/tile/epilogue512.h"

namespace qat::kernels {
namespace {

// The sums of rows [First, First + Count) of a tile, fetching `next_step` bytes at `next` with each step.
template <class Dot, int First, int Count, int Rows, int Vectors>
[[gnu::always_inline]] inline void multiply(const TileTask& t, const uint8_t* rows, const uint8_t* next,
                                            int64_t next_step, Sums<Rows, Vectors>& sums) {
  const auto* w = static_cast<const int8_t*>(t.panel);
  asm("" : "+r"(w));  // keeps the compiler from holding start values in registers that sums need
#pragma GCC unroll 2
  for (int v = 0; v < Vectors; ++v, w += 64) {
    const __m512i start = _mm512_load_si512(w);
#pragma GCC unroll 16
    for (int i = 0; i < Count; ++i) sums.acc[First + i][v] = start;
  }
  const uint8_t* x[Count];  // and one offset for all, which costs one instruction a step
#pragma GCC unroll 16
  for (int i = 0; i < Count; ++i) {
    x[i] = rows + (First + i) * t.row_stride;
    asm("" : "+r"(x[i]));
  }
  int64_t offset = 0;
  for (int64_t segment = t.segments; segment > 0; --segment, offset += t.segment_step - 4 * t.steps) {
    for (int64_t step = t.steps; step > 0; --step, offset += 4, w += 64 * Vectors, next += next_step) {
      const typename Dot::template Weights<Vectors> weights(w);
#pragma GCC unroll 16
      for (int i = 0; i < Count; ++i) {
        int32_t four;
        std::memcpy(&four, x[i] + offset, 4);
        weights.add(_mm512_set1_epi32(four), sums.acc[First + i]);
      }
      _mm_prefetch(next, _MM_HINT_T1);
    }
  }
}

template <class Dot, Finish How, int Rows, int Vectors>
void plain_tiles(TileTask t, int64_t tiles) {
  constexpr int kHalf = Rows > Dot::kHighest ? (Rows + 1) / 2 : Rows, kRest = Rows - kHalf;
  const Plain<Vectors> constants(t);
  const int64_t half_bytes = t.next_bytes * kHalf / Rows, next_step = half_bytes / (t.steps * t.segments);
  TileWalk walk(t, Rows, tiles);
  Place place(t);
  Sums<Rows, Vectors> sums;
  for (bool first = true;; first = false) {
    if (!first) store_rows<How, 0, kHalf>(constants, place, sums);
    multiply<Dot, 0, kHalf>(t, t.rows, t.next, next_step, sums);
    if constexpr (kRest > 0) {
      if (!first) store_rows<How, kHalf, kRest>(constants, place, sums);
      multiply<Dot, kHalf, kRest>(t, t.rows, t.next + half_bytes, next_step, sums);
    }
    place = Place(t);
    t.next += t.next_bytes;
    if (walk.next()) continue;
    store_rows<How, 0, kHalf>(constants, place, sums);
    if constexpr (kRest > 0) store_rows<How, kHalf, kRest>(constants, place, sums);
    return;
  }
}

// Through memory, one tile after the other.
template <class Dot, int Rows, int Vectors>
void any_tiles(TileTask t, int64_t tiles) {
  const int64_t next_step = t.next_bytes / (t.steps * t.segments);
  TileWalk walk(t, Rows, tiles);
  do {
    Sums<Rows, Vectors> sums;
    multiply<Dot, 0, Rows>(t, t.rows, t.next, next_step, sums);
    t.next += t.next_bytes;
    alignas(64) int32_t memory[Rows * Vectors * 16];
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) _mm512_store_si512(memory + (i * Vectors + v) * 16, sums.acc[i][v]);
    finish_rows(t, memory, Rows, Vectors);
  } while (walk.next());
}

template <class Dot, int Rows, int Vectors>
void tile512(TileTask t, int64_t tiles) {
  const Finish how = choose_finish(t, Vectors);
  if (how == Finish::kAny) return any_tiles<Dot, Rows, Vectors>(t, tiles);
  with_plain(how, [&](auto way) { plain_tiles<Dot, way.value, Rows, Vectors>(t, tiles); });
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
