// The mul kernel for AVX2.
#include "engine/cpu/mul/mul_lanes.h"
#include "engine/cpu/tile/vector_avx2.h"

namespace qat::kernels {

constinit const MulKernel kMulAvx2 = make_kernel<Lanes256>("mul_avx2", Isa::kAvx2);

}  // namespace qat::kernels
