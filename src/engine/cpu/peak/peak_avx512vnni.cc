// Peak with vpdpbusd on 512 bits.
#include "engine/cpu/peak/peak_512.h"
#include "engine/cpu/peak/peak_kernels.h"
#include "engine/cpu/peak/peak_loops.h"

namespace qat::kernels {

namespace {

struct Vectors : Peak512 {
  static constexpr int64_t kInt8 = 64;
  static Int dot(Int sum, Int a, Int b) { return _mm512_dpbusd_epi32(sum, a, b); }
};

}  // namespace

constinit const PeakKernel kPeakAvx512Vnni = make_peak<Vectors>("peak_avx512vnni", Isa::kAvx512Vnni);

}  // namespace qat::kernels
