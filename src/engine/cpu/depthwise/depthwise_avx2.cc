// The depthwise kernels for AVX2: dwords of four taps widened to 16 bit and multiplied by vpmaddwd, exactly; and, where
// no activation is above 127, multiplied as bytes, which cannot saturate there (tile/tile.h).
#include "engine/cpu/depthwise/vec256.h"
#include "engine/cpu/tile/tile.h"

namespace qat::kernels {
namespace {

struct MaddWords {
  static __m256i dot(__m256i sum, __m256i x, __m256i w) {
    const __m256i even =
        _mm256_madd_epi16(_mm256_and_si256(x, _mm256_set1_epi16(0xFF)), _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8));
    const __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(x, 8), _mm256_srai_epi16(w, 8));
    return _mm256_add_epi32(sum, _mm256_add_epi32(even, odd));
  }
};

struct MaddBytes {
  static __m256i dot(__m256i sum, __m256i x, __m256i w) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(x, w), _mm256_set1_epi16(1)));
  }
};

const char* low_activations(const DepthwiseProblem& p) {
  return p.in_highest <= kLowActivation ? nullptr : "its input has values above 127";
}

}  // namespace

constinit const DepthwiseKernel kDepthwise32LowAvx2 =
    make_kernel<Vec256<MaddBytes>, Vec256<MaddBytes>>("depthwise_s8_32_low_avx2", Isa::kAvx2, low_activations);
constinit const DepthwiseKernel kDepthwise32Avx2 =
    make_kernel<Vec256<MaddWords>, Vec256<MaddWords>>("depthwise_s8_32_avx2", Isa::kAvx2);

}  // namespace qat::kernels
