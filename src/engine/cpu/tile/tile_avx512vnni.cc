// Tiles of up to 14 rows x 32 columns for AVX-512 VNNI.
//
// 14 x 2 sums + 2 weight vectors + 1 broadcast fit 32 registers. A step of 4 bytes takes 28 vpdpbusd on 16 loads, so
// neither AMD's Zen 4 (one 512-bit vpdpbusd and one load a cycle) nor Intel's cores (two and two) wait for loads:
// measured 99 % of 64 multiply-adds a cycle on Zen 4.
#include <immintrin.h>

#include <cstring>
#include <utility>

#include "engine/cpu/tile/tile.h"
#include "engine/cpu/tile/vector_avx512.h"

namespace qat::kernels {
namespace {

template <int Rows, int Vectors>
struct Sums {
  __m512i acc[Rows][Vectors];
};

// Row i is at base[i / 3] + (i % 3) * stride: five pointers reach fourteen rows within an address's base + 2 * index.
template <int Rows, int Vectors>
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
  for (int64_t step = 0; step < t.steps; ++step, w += 64 * Vectors) {
    __m512i weights[Vectors];
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) weights[v] = _mm512_load_si512(w + 64 * v);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      int32_t four;
      std::memcpy(&four, base[i / 3] + (i % 3) * t.row_stride, 4);
      const __m512i x = _mm512_set1_epi32(four);
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) sums.acc[i][v] = _mm512_dpbusd_epi32(sums.acc[i][v], x, weights[v]);
    }
    // A step covers at most two lines: its own 128 bytes, spread over the tiles of a block.
    _mm_prefetch(next, _MM_HINT_T1);
    _mm_prefetch(next + t.next_bytes / 2, _MM_HINT_T1);
    next += t.next_bytes;
#pragma GCC unroll 8
    for (int g = 0; g < kBases; ++g) base[g] += 4;
  }
}

// Constants of a plain epilogue in registers: stores of bytes may alias anything, so nothing is read again between
// them.
template <int Vectors>
struct Plain {
  explicit Plain(const TileTask& t)
      : high(_mm512_set1_ps(t.epilogue->high)),
        zero_point(_mm512_set1_epi16(static_cast<short>(t.epilogue->full.zero_point))),
        lowest(_mm512_set1_epi8(static_cast<char>(t.epilogue->lowest))),
        skip_scale(_mm512_set1_ps(t.epilogue->full.skip_scale)),
        skip_zero_point(_mm512_set1_epi32(t.epilogue->full.skip_zero_point)) {
    for (int v = 0; v < Vectors; ++v) {
      lanes[v] = lanes512(t.channels - 16 * v);
      multiplier[v] = _mm512_maskz_loadu_ps(lanes[v], t.multiplier + 16 * v);
      bias[v] = _mm512_maskz_loadu_ps(lanes[v], t.bias + 16 * v);
    }
  }

  // fma(float(acc), M, B), the skip, the upper bound; the lower one comes when packing saturates. NaN passes min_ps as
  // its second operand and converts to INT_MIN, which the lower bound catches.
  template <bool Skip>
  [[gnu::always_inline]] __m512i requantize(__m512i acc, int v, const uint8_t* skip) const {
    __m512 x = _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc), multiplier[v], bias[v]);
    if constexpr (Skip) {
      const __m512i q = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(skip + 16 * v)));
      x = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(q, skip_zero_point)), skip_scale, x);
    }
    return _mm512_cvtps_epi32(_mm512_min_ps(high, x));
  }

  // Packs two rows of two vectors to bytes, in order: row 0 in the lower half, row 1 in the upper.
  [[gnu::always_inline]] __m512i pack(const __m512i (&row0)[2], const __m512i (&row1)[2]) const {
    const __m512i p0 = _mm512_adds_epi16(_mm512_packs_epi32(row0[0], row0[1]), zero_point);
    const __m512i p1 = _mm512_adds_epi16(_mm512_packs_epi32(row1[0], row1[1]), zero_point);
    // Dword 4 * lane + j is four columns of row j / 2, vector j % 2.
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(order, _mm512_max_epu8(_mm512_packus_epi16(p0, p1), lowest));
  }

  __m512 high;
  __m512i zero_point, lowest;
  __m512 skip_scale;
  __m512i skip_zero_point;
  __mmask16 lanes[Vectors];
  __m512 multiplier[Vectors], bias[Vectors];
};

template <int Vectors>
[[gnu::always_inline]] inline void store_row(__m256i bytes, int64_t channels, uint8_t* y) {
  if (channels != 16 * Vectors) {
    _mm256_mask_storeu_epi8(y, static_cast<__mmask32>((1ull << channels) - 1), bytes);
  } else if constexpr (Vectors == 2) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), bytes);
  } else {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y), _mm256_castsi256_si128(bytes));
  }
}

template <bool Skip, int Rows, int Vectors>
[[gnu::always_inline]] inline void store_plain(const TileTask& t, const Sums<Rows, Vectors>& sums) {
  const Plain<Vectors> plain(t);
  const int64_t channels = t.channels, y_stride = t.y_stride, skip_stride = t.skip_stride;
  uint8_t* y = t.y;
  const uint8_t* skip = t.skip;
#pragma GCC unroll 16
  for (int i = 0; i < Rows; i += 2, y += 2 * y_stride, skip += 2 * skip_stride) {
    __m512i q[2][2] = {};
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) {
      q[0][v] = plain.template requantize<Skip>(sums.acc[i][v], v, skip);
      if (i + 1 < Rows) q[1][v] = plain.template requantize<Skip>(sums.acc[i + 1][v], v, skip + skip_stride);
    }
    const __m512i bytes = plain.pack(q[0], q[1]);
    store_row<Vectors>(_mm512_castsi512_si256(bytes), channels, y);
    if (i + 1 < Rows) store_row<Vectors>(_mm512_extracti64x4_epi64(bytes, 1), channels, y + y_stride);
  }
}

// Curves and float outputs: from memory, one vector at a time.
void finish_rows(const TileTask& t, const int32_t* sums, int rows, int vectors) {
  const Epilogue& e = t.epilogue->full;
  const int64_t element = e.output == Output::kF32 ? 4 : 1;
  for (int i = 0; i < rows; ++i) {
    for (int v = 0; v < vectors; ++v, sums += 16) {
      const __mmask16 lanes = lanes512(t.channels - 16 * v);
      const __m512 multiplier = _mm512_maskz_loadu_ps(lanes, t.multiplier + 16 * v);
      const __m512 bias = _mm512_maskz_loadu_ps(lanes, t.bias + 16 * v);
      __m512 y = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_load_si512(sums)), multiplier, bias);
      if (e.has_skip) {
        const __m512 skip = load_u8(t.skip + i * t.skip_stride + 16 * v, e.skip_zero_point);
        y = _mm512_fmadd_ps(skip, _mm512_set1_ps(e.skip_scale), y);
      }
      finish512(e, y, lanes, t.y + i * t.y_stride + 16 * v * element);
    }
  }
}

template <int Rows, int Vectors>
[[gnu::always_inline]] inline void finish_sums(const TileTask& t, const Sums<Rows, Vectors>& sums) {
  alignas(64) int32_t memory[Rows * Vectors * 16];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) _mm512_store_si512(memory + (i * Vectors + v) * 16, sums.acc[i][v]);
  finish_rows(t, memory, Rows, Vectors);
}

template <int Rows, int Vectors>
void tile(TileTask t, int64_t count) {
  for (; count > 0; --count, t.advance(Rows)) {
    Sums<Rows, Vectors> sums;
    multiply(t, sums);
    if (t.epilogue->plain && t.epilogue->full.has_skip) {
      store_plain<true>(t, sums);
    } else if (t.epilogue->plain) {
      store_plain<false>(t, sums);
    } else {
      finish_sums(t, sums);
    }
  }
}

constexpr int kRows = 14;

template <int... Row>
constexpr TileSet make_tiles(std::integer_sequence<int, Row...>) {
  return {.isa = Isa::kAvx512Vnni,
          .max_rows = kRows,
          .max_vectors = 2,
          .vector_columns = 16,
          .pairs = false,
          .function = {{tile<Row + 1, 1>...}, {tile<Row + 1, 2>...}}};
}

}  // namespace

constinit const TileSet kTilesAvx512Vnni = make_tiles(std::make_integer_sequence<int, kRows>());

}  // namespace qat::kernels
