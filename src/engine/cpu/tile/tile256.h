// Tiles of a few rows x 16 columns on 256-bit registers, for the two instruction sets that have them. Included by one
// file of each; `Dot` says how a step of 4 bytes is multiplied.
#pragma once

#include <immintrin.h>

#include <cstring>
#include <utility>

#include "engine/cpu/tile/tile.h"
#include "engine/cpu/tile/vector_avx2.h"

namespace qat::kernels {
namespace {

template <class Dot, int Rows, int Vectors>
[[gnu::always_inline]] inline void multiply256(const TileTask& t, __m256i (&sums)[Rows][Vectors]) {
  const auto* panel = static_cast<const int8_t*>(t.panel);
#pragma GCC unroll 2
  for (int v = 0; v < Vectors; ++v) {
    const __m256i start = _mm256_load_si256(reinterpret_cast<const __m256i*>(panel + 32 * v));
#pragma GCC unroll 6
    for (int i = 0; i < Rows; ++i) sums[i][v] = start;
  }
  const uint8_t *low = t.rows, *high = t.rows + 3 * t.row_stride;
  asm("" : "+r"(high));  // two pointers reach six rows within an address's base + 2 * index
  const int8_t* w = panel + 32 * Vectors;
  const int64_t jump = t.segment_step - 4 * t.steps;
  for (int64_t segment = 0; segment < t.segments; ++segment, low += jump, high += jump) {
    for (int64_t step = 0; step < t.steps; ++step, w += 32 * Vectors, low += 4, high += 4) {
      const typename Dot::template Weights<Vectors> weights(w);
#pragma GCC unroll 6
      for (int i = 0; i < Rows; ++i) {
        int32_t four;
        std::memcpy(&four, (i < 3 ? low : high) + (i % 3) * t.row_stride, 4);
        weights.add(_mm256_set1_epi32(four), sums[i]);
      }
    }
  }
}

// Epilogue from memory, eight results at a time.
static inline void finish_rows256(const TileTask& t, const int32_t* sums, int rows, int vectors) {
  const Epilogue& e = t.epilogue->full;
  const int64_t element = e.output == Output::kF32 ? 4 : 1;
  for (int i = 0; i < rows; ++i) {
    for (int v = 0; v < vectors; ++v, sums += 8) {
      const int64_t count = t.channels - 8 * v;
      if (count <= 0) continue;
      __m256 y = _mm256_cvtepi32_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(sums)));
      y = _mm256_fmadd_ps(y, Lanes256::load(t.multiplier + 8 * v, count), Lanes256::load(t.bias + 8 * v, count));
      if (e.has_skip) y = add_skip256(e, y, t.skip + i * t.skip_stride + 8 * v);
      finish256(e, y, count, t.y + i * t.y_stride + 8 * v * element);
    }
  }
}

template <class Dot, int Rows, int Vectors>
void tile256(TileTask t, int64_t count) {
  for (; count > 0; --count, t.advance(Rows)) {
    __m256i sums[Rows][Vectors];
    multiply256<Dot>(t, sums);
    alignas(32) int32_t memory[Rows * Vectors * 8];
#pragma GCC unroll 6
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v)
        _mm256_store_si256(reinterpret_cast<__m256i*>(memory + (i * Vectors + v) * 8), sums[i][v]);
    finish_rows256(t, memory, Rows, Vectors);
  }
}

template <class Dot, int... Row>
constexpr TileSet make_tiles256(Isa isa, bool pairs, std::integer_sequence<int, Row...>) {
  return {.isa = isa,
          .max_rows = sizeof...(Row),
          .max_vectors = 2,
          .vector_columns = 8,
          .pairs = pairs,
          .depth_multiple = 4,
          .function = {{tile256<Dot, Row + 1, 1>...}, {tile256<Dot, Row + 1, 2>...}}};
}

}  // namespace
}  // namespace qat::kernels
