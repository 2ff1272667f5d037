// Tiles of words for AVX2: vpmaddwd and an addition; 12 sums, 2 weights, 1 broadcast and 1 product fill 16 registers.
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
      for (int v = 0; v < Vectors; ++v) sums[v] = _mm256_add_epi32(sums[v], _mm256_madd_epi16(x, words[v]));
    }
    __m256i words[Vectors];
  };
};

}  // namespace

constinit const TileSet kTileWordsAvx2 = make_words256<DotWords>(Isa::kAvx2, std::make_integer_sequence<int, 6>());

}  // namespace qat::kernels
