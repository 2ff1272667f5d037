// Tiles of up to 10 rows x 32 columns for AVX-512 without VNNI: bytes widened to 16 bit and vpmaddwd, exactly.
//
// 20 sums, 4 vectors of widened weights, the two halves of a broadcast, its mask and the products: 32 registers.
#include "engine/cpu/tile/tile512.h"

namespace qat::kernels {
namespace {

// A dword of activations x0 x1 x2 x3 becomes two pairs of 16 bit, x0 x2 and x1 x3, which is how the weights are packed.
struct MaddWords {
  static constexpr int kHighest = 10;  // none is halved: weights are widened once a step
  static constexpr int kUnrolled = 1;
  template <int Vectors>
  struct Weights {
    [[gnu::always_inline]] explicit Weights(const int8_t* w) {
#pragma GCC unroll 4
      for (int i = 0; i < 2 * Vectors; ++i)
        words[i / Vectors][i % Vectors] =
            _mm512_cvtepi8_epi16(_mm256_load_si256(reinterpret_cast<const __m256i*>(w + 32 * i)));
    }
    [[gnu::always_inline]] void add(__m512i x, __m512i (&sums)[Vectors]) const {
      const __m512i even = _mm512_and_si512(x, _mm512_set1_epi16(0xFF)), odd = _mm512_srli_epi16(x, 8);
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) {
        const __m512i product =
            _mm512_add_epi32(_mm512_madd_epi16(even, words[0][v]), _mm512_madd_epi16(odd, words[1][v]));
        sums[v] = _mm512_add_epi32(sums[v], product);
      }
    }
    __m512i words[2][Vectors];
  };
};

}  // namespace

constinit const TileSet kTilesAvx512 =
    make_tiles512<MaddWords>(Isa::kAvx512, true, std::make_integer_sequence<int, 10>());

}  // namespace qat::kernels
