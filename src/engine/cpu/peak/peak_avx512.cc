// Peak with vpmaddwd and vpaddd on 512 bits: bytes widened to 16 bits, two products a lane.
#include "engine/cpu/peak/peak_512.h"
#include "engine/cpu/peak/peak_kernels.h"
#include "engine/cpu/peak/peak_loops.h"

namespace qat::kernels {

namespace {

struct Vectors : Peak512 {
  static constexpr int64_t kInt8 = 32;
  static Int dot(Int sum, Int a, Int b) { return _mm512_add_epi32(sum, _mm512_madd_epi16(a, b)); }
};

}  // namespace

constinit const PeakKernel kPeakAvx512 = make_peak<Vectors>("peak_avx512", Isa::kAvx512);

}  // namespace qat::kernels
