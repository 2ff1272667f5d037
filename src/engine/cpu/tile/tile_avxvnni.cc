// Tiles of up to 6 rows x 16 columns for AVX-VNNI: vpdpbusd on 256-bit registers; 12 sums, 2 weights, 1 broadcast.
#include "engine/cpu/tile/tile256.h"

namespace qat::kernels {
namespace {

struct DotBytes {
  template <int Vectors>
  struct Weights {
    [[gnu::always_inline]] explicit Weights(const int8_t* w) {
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) bytes[v] = _mm256_load_si256(reinterpret_cast<const __m256i*>(w + 32 * v));
    }
    [[gnu::always_inline]] void add(__m256i x, __m256i (&sums)[Vectors]) const {
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) sums[v] = _mm256_dpbusd_avx_epi32(sums[v], x, bytes[v]);
    }
    __m256i bytes[Vectors];
  };
};

}  // namespace

constinit const TileSet kTilesAvxVnni =
    make_tiles256<DotBytes>(Isa::kAvxVnni, false, std::make_integer_sequence<int, 6>());

}  // namespace qat::kernels
