// The pooling kernel for AVX-512.
#include "engine/cpu/pool/pool_lanes.h"
#include "engine/cpu/tile/vector_avx512.h"

namespace qat::kernels {
namespace {

struct Pool512 : Lanes512 {
  static constexpr int64_t kBytes = 64;
  static __m512i load_bytes(const uint8_t* x) { return _mm512_loadu_si512(x); }
  static __m512i max_bytes(__m512i a, __m512i b) { return _mm512_max_epu8(a, b); }
  static void store_bytes(__m512i v, int64_t count, uint8_t* y) {
    _mm512_mask_storeu_epi8(y, count >= 64 ? ~__mmask64{0} : (__mmask64{1} << count) - 1, v);
  }
  static __m512i zero_sum() { return _mm512_setzero_si512(); }
  static __m512i add_bytes(__m512i sum, const uint8_t* x) {
    return _mm512_add_epi32(sum, _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x))));
  }
  static __m512 to_floats(__m512i sum, int32_t offset) {
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(sum, _mm512_set1_epi32(offset)));
  }
};

}  // namespace

constinit const PoolKernel kPoolAvx512 = make_kernel<Pool512>("pool_avx512", Isa::kAvx512);

}  // namespace qat::kernels
