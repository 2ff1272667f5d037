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

// A plain epilogue, its constants made once for all tiles of a call: the lower bound comes when packing saturates, as
// in epilogue512.h.
template <int Vectors>
struct Plain256 {
  explicit Plain256(const TileTask& t)
      : full(t.epilogue->full),
        high(_mm256_set1_ps(t.epilogue->high)),
        zero_point(_mm256_set1_epi16(static_cast<short>(t.epilogue->full.zero_point))),
        lowest(_mm_set1_epi8(static_cast<char>(t.epilogue->lowest))) {
    for (int v = 0; v < Vectors; ++v) {
      multiplier[v] = Lanes256::load(t.multiplier + 8 * v, t.channels - 8 * v);
      bias[v] = Lanes256::load(t.bias + 8 * v, t.channels - 8 * v);
    }
  }

  // One row; `skip` is read where there is one.
  template <bool Skip>
  [[gnu::always_inline]] __m128i finish(const __m256i (&sums)[Vectors], const uint8_t* skip) const {
    __m256i q[2] = {};
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) {
      __m256 y = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[v]), multiplier[v], bias[v]);
      if constexpr (Skip) y = add_skip256(full, y, skip + 8 * v);
      q[v] = _mm256_cvtps_epi32(_mm256_min_ps(high, y));
    }
    // Quadwords 0 and 2 are the first vector's columns, 1 and 3 the second's.
    const __m256i words = _mm256_adds_epi16(_mm256_packs_epi32(q[0], q[1]), zero_point);
    const __m256i ordered = _mm256_permute4x64_epi64(words, 0b11011000);
    return _mm_max_epu8(_mm_packus_epi16(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1)),
                        lowest);
  }

  const Epilogue full;  // a copy: stores of bytes may alias anything
  __m256 high;
  __m256i zero_point;
  __m128i lowest;
  __m256 multiplier[Vectors], bias[Vectors];
};

template <bool Skip, int Rows, int Vectors>
[[gnu::always_inline]] inline void store_plain256(const TileTask& t, const Plain256<Vectors>& plain,
                                                  const __m256i (&sums)[Rows][Vectors]) {
  const int64_t channels = t.channels;
  uint8_t* y = t.y;
  const uint8_t* skip = t.skip;
#pragma GCC unroll 6
  for (int i = 0; i < Rows; ++i, y += t.y_stride, skip += t.skip_stride) {
    const __m128i bytes = plain.template finish<Skip>(sums[i], skip);
    if (channels >= 8 * Vectors) {
      std::memcpy(y, &bytes, 8 * Vectors);
    } else {
      std::memcpy(y, &bytes, static_cast<size_t>(channels));
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
void tile256(TileTask t, int64_t tiles) {
  const Plain256<Vectors> plain(t);
  TileWalk walk(t, Rows, tiles);
  do {
    for (int64_t i = 0; i < t.next_bytes; i += 64) _mm_prefetch(t.next + i, _MM_HINT_T1);
    t.next += t.next_bytes;
    __m256i sums[Rows][Vectors];
    multiply256<Dot>(t, sums);
    if (t.epilogue->plain) {
      if (plain.full.has_skip) {
        store_plain256<true>(t, plain, sums);
      } else {
        store_plain256<false>(t, plain, sums);
      }
      continue;
    }
    alignas(32) int32_t memory[Rows * Vectors * 8];
#pragma GCC unroll 6
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v)
        _mm256_store_si256(reinterpret_cast<__m256i*>(memory + (i * Vectors + v) * 8), sums[i][v]);
    finish_rows256(t, memory, Rows, Vectors);
  } while (walk.next());
}

template <class Dot, int... Row>
constexpr TileSet make_tiles256(Isa isa, bool pairs, std::integer_sequence<int, Row...>) {
  return {.isa = isa,
          .max_rows = sizeof...(Row),
          .max_vectors = 2,
          .vector_columns = 8,
          .pairs = pairs,
          .depth_multiple = 4,
          .block_bytes = 256 * 1024,
          .function = {{tile256<Dot, Row + 1, 1>...}, {tile256<Dot, Row + 1, 2>...}}};
}

}  // namespace
}  // namespace qat::kernels
