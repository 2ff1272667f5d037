// Table look-up for AVX-512.
#include "engine/cpu/lut/lut_bytes.h"
#include "engine/cpu/tile/lookup_avx512.h"

namespace qat::kernels {

constinit const LutKernel kLutAvx512 = make_kernel<LookUp512>("lut_avx512", Isa::kAvx512);

}  // namespace qat::kernels
