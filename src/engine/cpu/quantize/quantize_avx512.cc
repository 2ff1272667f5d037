// The quantize kernel for AVX-512.
#include "engine/cpu/quantize/quantize_lanes.h"
#include "engine/cpu/tile/vector_avx512.h"

namespace qat::kernels {
namespace {

struct Pixels512 : Lanes512 {
  static __m512i dwords(uint32_t value) { return _mm512_set1_epi32(static_cast<int>(value)); }
  static __m512i quantized(__m512 v, int32_t lo, int32_t hi, int32_t zero_point) {
    const __m512i q = round_clamp512(v, static_cast<float>(lo - zero_point), static_cast<float>(hi - zero_point));
    return _mm512_add_epi32(q, _mm512_set1_epi32(zero_point));
  }
  static __m512i replace_byte(__m512i pixels, __m512i q, int byte) {
    const __m512i mask = _mm512_set1_epi32(static_cast<int>(0xFFu << (8 * byte)));
    return _mm512_or_si512(_mm512_andnot_si512(mask, pixels), _mm512_slli_epi32(q, static_cast<unsigned>(8 * byte)));
  }
  static void store_dwords(__m512i pixels, int64_t count, uint8_t* y, int64_t pitch) {
    if (pitch == 4) {
      _mm512_mask_storeu_epi32(y, lanes512(count), pixels);
      return;
    }
    alignas(64) uint8_t dword[64];
    _mm512_store_si512(dword, pixels);
    for (int64_t i = 0; i < count; ++i) std::memcpy(y + i * pitch, dword + 4 * i, 4);
  }
};

}  // namespace

constinit const QuantizeKernel kQuantizeAvx512 = make_kernel<Pixels512>("quantize_avx512", Isa::kAvx512);

}  // namespace qat::kernels
