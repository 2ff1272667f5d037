// Peak with vpmaddwd and vpaddd on 256 bits: bytes widened to 16 bits, two products a lane.
#include "engine/cpu/peak/peak_256.h"
#include "engine/cpu/peak/peak_kernels.h"
#include "engine/cpu/peak/peak_loops.h"

namespace qat::kernels {

namespace {

struct Vectors : Peak256 {
  static constexpr int64_t kInt8 = 16;
  static Int dot(Int sum, Int a, Int b) { return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b)); }
};

}  // namespace

constinit const PeakKernel kPeakAvx2 = make_peak<Vectors>("peak_avx2", Isa::kAvx2);

}  // namespace qat::kernels
