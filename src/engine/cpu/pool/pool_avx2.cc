// The pooling kernel for AVX2.
#include "engine/cpu/pool/pool_lanes.h"
#include "engine/cpu/tile/vector_avx2.h"

namespace qat::kernels {
namespace {

struct Pool256 : Lanes256 {
  static constexpr int64_t kBytes = 32;
  static __m256i load_bytes(const uint8_t* x) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)); }
  static __m256i max_bytes(__m256i a, __m256i b) { return _mm256_max_epu8(a, b); }
  static void store_bytes(__m256i v, int64_t count, uint8_t* y) {
    alignas(32) uint8_t bytes[kBytes];
    _mm256_store_si256(reinterpret_cast<__m256i*>(bytes), v);
    std::memcpy(y, bytes, static_cast<size_t>(count < kBytes ? count : kBytes));
  }
  static __m256i zero_sum() { return _mm256_setzero_si256(); }
  static __m256i add_bytes(__m256i sum, const uint8_t* x) {
    return _mm256_add_epi32(sum, _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(x))));
  }
  static __m256 to_floats(__m256i sum, int32_t offset) {
    return _mm256_cvtepi32_ps(_mm256_sub_epi32(sum, _mm256_set1_epi32(offset)));
  }
};

}  // namespace

constinit const PoolKernel kPoolAvx2 = make_kernel<Pool256>("pool_avx2", Isa::kAvx2);

}  // namespace qat::kernels
