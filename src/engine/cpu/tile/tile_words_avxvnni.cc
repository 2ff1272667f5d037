// Tiles of words for AVX-VNNI: vpdpwssd on 256-bit registers; 12 sums, 2 weights, 1 broadcast.
#include "engine/cpu/tile/tile_words256.h"

namespace qat::kernels {
namespace {

struct DotWords {
  template <int Vectors>
  struct Weights {
    [[gnu::always_inline]] explicit Weights(const int8_t* w) {
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) words[v] = _mm256_load_si256(reinterpret_cast<const __m256i*>(w + 32 * v));
    }
    [[gnu::always_inline]] void add(__m256i x, __m256i (&sums)[Vectors]) const {
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) sums[v] = _mm256_dpwssd_avx_epi32(sums[v], x, words[v]);
    }
    __m256i words[Vectors];
  };
};

}  // namespace

constinit const TileSet kTileWordsAvxVnni =
    make_words256<DotWords>(Isa::kAvxVnni, std::make_integer_sequence<int, 6>());

}  // namespace qat::kernels
