// Tiles of words of up to 6 rows x 16 columns for AVX-VNNI: vpdpwssd; 12 sums, 2 weights, 1 broadcast.
#include "engine/cpu/tile/tile_words.h"

namespace qat::kernels {
namespace {

struct DotWords {
  using Vector = __m256i;
  static Vector load(const void* p) { return _mm256_load_si256(static_cast<const __m256i*>(p)); }
  static Vector broadcast(const void* p) { return _mm256_broadcastd_epi32(_mm_loadu_si32(p)); }
  static void store(Vector v, void* p) { _mm256_store_si256(static_cast<__m256i*>(p), v); }
  static Vector add(Vector sum, Vector x, Vector w) { return _mm256_dpwssd_avx_epi32(sum, x, w); }
};

}  // namespace

constinit const TileSet kTileWordsAvxVnni = make_words<DotWords>(Isa::kAvxVnni, std::make_integer_sequence<int, 6>());

}  // namespace qat::kernels
