// The depthwise kernel for AVX-VNNI.
#include "engine/cpu/depthwise/vec256.h"

namespace qat::kernels {
namespace {

struct DotBytes {
  static __m256i dot(__m256i sum, __m256i x, __m256i w) { return _mm256_dpbusd_avx_epi32(sum, x, w); }
};

}  // namespace

constinit const DepthwiseKernel kDepthwise32AvxVnni =
    make_kernel<Vec256<DotBytes>, Vec256<DotBytes>>("depthwise_s8_32_avxvnni", Isa::kAvxVnni);

}  // namespace qat::kernels
