// The mul kernel for AVX-512.
#include "engine/cpu/mul/mul_lanes.h"
#include "engine/cpu/tile/vector_avx512.h"

namespace qat::kernels {

constinit const MulKernel kMulAvx512 = make_kernel<Lanes512>("mul_avx512", Isa::kAvx512);

}  // namespace qat::kernels
