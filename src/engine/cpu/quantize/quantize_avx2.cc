// The quantize kernel for AVX2.
#include "engine/cpu/quantize/quantize_lanes.h"
#include "engine/cpu/tile/vector_avx2.h"

namespace qat::kernels {
namespace {

struct Pixels256 : Lanes256 {
  static __m256i dwords(uint32_t value) { return _mm256_set1_epi32(static_cast<int>(value)); }
  static __m256i quantized(__m256 v, int32_t lo, int32_t hi, int32_t zero_point) {
    const __m256i q = round_clamp256(v, static_cast<float>(lo - zero_point), static_cast<float>(hi - zero_point));
    return _mm256_add_epi32(q, _mm256_set1_epi32(zero_point));
  }
  static __m256i replace_byte(__m256i pixels, __m256i q, int byte) {
    const __m256i mask = _mm256_set1_epi32(static_cast<int>(0xFFu << (8 * byte)));
    return _mm256_or_si256(_mm256_andnot_si256(mask, pixels), _mm256_slli_epi32(q, 8 * byte));
  }
  static void store_dwords(__m256i pixels, int64_t count, uint8_t* y, int64_t pitch) {
    alignas(32) uint8_t dword[32];
    _mm256_store_si256(reinterpret_cast<__m256i*>(dword), pixels);
    if (pitch == 4 && count == kCount) {
      std::memcpy(y, dword, sizeof dword);
      return;
    }
    for (int64_t i = 0; i < count; ++i) std::memcpy(y + i * pitch, dword + 4 * i, 4);
  }
};

}  // namespace

constinit const QuantizeKernel kQuantizeAvx2 = make_kernel<Pixels256>("quantize_avx2", Isa::kAvx2);

}  // namespace qat::kernels
