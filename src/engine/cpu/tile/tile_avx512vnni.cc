// Tiles of up to 14 rows x 32 columns for AVX-512 VNNI.
//
// 14 x 2 sums + 2 weight vectors + 1 broadcast fit 32 registers. A step of 4 bytes takes 28 vpdpbusd on 16 loads, a
// half's 14 on 9, so neither AMD's Zen 4 (one 512-bit vpdpbusd and one load a cycle) nor Zen 5 or Intel's cores (two
// and two) wait for loads. Nothing could be added to them: other multiplications share vpdpbusd's units on Zen 4 and 5.
#include "engine/cpu/tile/tile512.h"

namespace qat::kernels {
namespace {

struct DotBytes {
  static constexpr int kHighest = 8;  // rows of a tile that is not halved: fewer than 8 sums wait for each other
  static constexpr int kUnrolled = 4;
  template <int Vectors>
  struct Weights {
    [[gnu::always_inline]] explicit Weights(const int8_t* w) {
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) bytes[v] = _mm512_load_si512(w + 64 * v);
    }
    [[gnu::always_inline]] void add(__m512i x, __m512i (&sums)[Vectors]) const {
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) sums[v] = _mm512_dpbusd_epi32(sums[v], x, bytes[v]);
    }
    __m512i bytes[Vectors];
  };
};

}  // namespace

constinit const TileSet kTilesAvx512Vnni =
    make_tiles512<DotBytes>(Isa::kAvx512Vnni, false, std::make_integer_sequence<int, 14>());

}  // namespace qat::kernels
