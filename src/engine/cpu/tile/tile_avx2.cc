// Tiles of up to 4 rows x 16 columns for AVX2: bytes widened to 16 bit and vpmaddwd, exact where vpmaddubsw saturates.
//
// 8 sums, 4 vectors of widened weights, the two halves of a broadcast and a product: all 16 registers.
#include "engine/cpu/tile/tile256.h"

namespace qat::kernels {
namespace {

// A dword of activations x0 x1 x2 x3 becomes two pairs of 16 bit, x0 x2 and x1 x3, which is how the weights are packed.
struct MaddWords {
  template <int Vectors>
  struct Weights {
    [[gnu::always_inline]] explicit Weights(const int8_t* w) {
#pragma GCC unroll 4
      for (int i = 0; i < 2 * Vectors; ++i)
        words[i / Vectors][i % Vectors] =
            _mm256_cvtepi8_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(w + 16 * i)));
    }
    [[gnu::always_inline]] void add(__m256i x, __m256i (&sums)[Vectors]) const {
      const __m256i even = _mm256_and_si256(x, _mm256_set1_epi16(0xFF)), odd = _mm256_srli_epi16(x, 8);
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) {
        const __m256i product =
            _mm256_add_epi32(_mm256_madd_epi16(even, words[0][v]), _mm256_madd_epi16(odd, words[1][v]));
        sums[v] = _mm256_add_epi32(sums[v], product);
      }
    }
    __m256i words[2][Vectors];
  };
};

}  // namespace

constinit const TileSet kTilesAvx2 = make_tiles256<MaddWords>(Isa::kAvx2, true, std::make_integer_sequence<int, 4>());

}  // namespace qat::kernels
