// Tiles of words of up to 14 rows x 32 columns for AVX-512 VNNI: vpdpwssd, half of vpdpbusd's multiply-adds at the same
// rate. Sums are stored as they are, which needs no turns of halves.
#include "engine/cpu/tile/tile512.h"

namespace qat::kernels {
namespace {

struct DotWords {
  template <int Vectors>
  struct Weights {
    [[gnu::always_inline]] explicit Weights(const int8_t* w) {
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) words[v] = _mm512_load_si512(w + 64 * v);
    }
    [[gnu::always_inline]] void add(__m512i x, __m512i (&sums)[Vectors]) const {
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) sums[v] = _mm512_dpwssd_epi32(sums[v], x, words[v]);
    }
    __m512i words[Vectors];
  };
};

template <int Rows, int Vectors>
void tile_words(TileTask t, int64_t tiles) {
  const int64_t next_step = t.next_bytes / t.steps;
  TileWalk walk(t, Rows, tiles);
  do {
    Sums<Rows, Vectors> sums;
    Multiplication<DotWords, 0, Rows, Rows, Vectors>(t, t.next, next_step, sums).remaining_steps(sums);
    t.next += t.next_bytes;
    uint8_t* y = t.y;
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i, y += t.y_stride)
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) _mm512_store_si512(y + 64 * v, sums.acc[i][v]);
  } while (walk.next());
}

template <int... Row>
constexpr TileSet make_words(std::integer_sequence<int, Row...>) {
  return {.isa = Isa::kAvx512Vnni,
          .max_rows = sizeof...(Row),
          .max_vectors = 2,
          .vector_columns = 16,
          .pairs = false,
          .depth_multiple = 4,
          .function = {{tile_words<Row + 1, 1>...}, {tile_words<Row + 1, 2>...}}};
}

}  // namespace

constinit const TileSet kTileWordsAvx512Vnni = make_words(std::make_integer_sequence<int, 14>());

}  // namespace qat::kernels
