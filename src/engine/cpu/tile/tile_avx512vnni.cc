// Tiles of up to 14 rows x 32 columns for AVX-512 VNNI.
//
// 14 x 2 sums + 2 weight vectors + 1 broadcast fit 32 registers. A step of 4 bytes takes 28 vpdpbusd on 16 loads, so
// neither AMD's Zen 4 (one 512-bit vpdpbusd and one load a cycle) nor Intel's cores (two and two) wait for loads:
// measured 99 % of 64 multiply-adds a cycle on Zen 4 and of 128 on Zen 5, which have no other unit that could add to them.
#include "engine/cpu/tile/tile512.h"

namespace qat::kernels {
namespace {

struct DotBytes {
  static constexpr int kHighest = 8;
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
