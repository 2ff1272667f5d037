// The add kernel for AVX2.
#include "engine/cpu/add/add_lanes.h"
#include "engine/cpu/tile/vector_avx2.h"

namespace qat::kernels {

constinit const AddKernel kAddAvx2 = make_kernel<Lanes256>("add_avx2", Isa::kAvx2);

}  // namespace qat::kernels
