// Tiles of words of up to 6 rows x 16 columns for AVX2: vpmaddwd and an addition; 12 sums, 2 weights, 1 broadcast and 1
// product fill 16 registers.
#include "engine/cpu/tile/tile_words.h"

namespace qat::kernels {
namespace {

struct DotWords {
  using Vector = __m256i;
  static Vector load(const void* p) { return _mm256_load_si256(static_cast<const __m256i*>(p)); }
  static Vector broadcast(const void* p) { return _mm256_broadcastd_epi32(_mm_loadu_si32(p)); }
  static void store(Vector v, void* p) { _mm256_store_si256(static_cast<__m256i*>(p), v); }
  static Vector add(Vector sum, Vector x, Vector w) { return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w)); }
};

}  // namespace

constinit const TileSet kTileWordsAvx2 = make_words<DotWords>(Isa::kAvx2, std::make_integer_sequence<int, 6>());

}  // namespace qat::kernels
