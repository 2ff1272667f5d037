// Tiles of up to 6 rows x 16 columns for AVX2 where no activation is above 127, as after a ReLU: vpmaddubsw cannot
// saturate there, and one product takes three instructions where widened bytes take five and more.
//
// 12 sums, a broadcast, ones, a product and, one after the other, the weights: 16 registers.
#include "engine/cpu/tile/tile256.h"

namespace qat::kernels {
namespace {

struct MaddBytes {
  template <int Vectors>
  struct Weights {
    [[gnu::always_inline]] explicit Weights(const int8_t* w) : w(w) {}
    [[gnu::always_inline]] void add(__m256i x, __m256i (&sums)[Vectors]) const {
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) {
        const __m256i pairs = _mm256_maddubs_epi16(x, _mm256_load_si256(reinterpret_cast<const __m256i*>(w + 32 * v)));
        sums[v] = _mm256_add_epi32(sums[v], _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
      }
    }
    const int8_t* w;
  };
};

}  // namespace

constinit const TileSet kTilesAvx2Low =
    make_tiles256<MaddBytes>(Isa::kAvx2, false, std::make_integer_sequence<int, 6>());

}  // namespace qat::kernels
