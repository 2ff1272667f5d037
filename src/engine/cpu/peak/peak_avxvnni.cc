// Peak with vpdpbusd on 256 bits.
#include "engine/cpu/peak/peak_256.h"
#include "engine/cpu/peak/peak_kernels.h"
#include "engine/cpu/peak/peak_loops.h"

namespace qat::kernels {

namespace {

struct Vectors : Peak256 {
  static constexpr int64_t kInt8 = 32;
  static Int dot(Int sum, Int a, Int b) { return _mm256_dpbusd_avx_epi32(sum, a, b); }
};

}  // namespace

constinit const PeakKernel kPeakAvxVnni = make_peak<Vectors>("peak_avxvnni", Isa::kAvxVnni);

}  // namespace qat::kernels
