// Table look-up for AVX2.
#include "engine/cpu/lut/lut_bytes.h"
#include "engine/cpu/tile/lookup_avx2.h"

namespace qat::kernels {

constinit const LutKernel kLutAvx2 = make_kernel<LookUp256>("lut_avx2", Isa::kAvx2);

}  // namespace qat::kernels
