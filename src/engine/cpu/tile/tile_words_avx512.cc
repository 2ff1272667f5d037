// Tiles of words of up to 14 rows x 32 columns for AVX-512: vpmaddwd and an addition; 28 sums, 2 weights, 1 broadcast
// and 1 product fill 32 registers.
#include "engine/cpu/tile/tile_words.h"

namespace qat::kernels {
namespace {

struct DotWords {
  using Vector = __m512i;
  static Vector load(const void* p) { return _mm512_load_si512(p); }
  static Vector broadcast(const void* p) { return _mm512_broadcastd_epi32(_mm_loadu_si32(p)); }
  static void store(Vector v, void* p) { _mm512_store_si512(p, v); }
  static Vector add(Vector sum, Vector x, Vector w) { return _mm512_add_epi32(sum, _mm512_madd_epi16(x, w)); }
};

}  // namespace

constinit const TileSet kTileWordsAvx512 = make_words<DotWords>(Isa::kAvx512, std::make_integer_sequence<int, 14>());

}  // namespace qat::kernels
