// The add kernel for AVX-512.
#include "engine/cpu/add/add_lanes.h"
#include "engine/cpu/tile/vector_avx512.h"

namespace qat::kernels {

constinit const AddKernel kAddAvx512 = make_kernel<Lanes512>("add_avx512", Isa::kAvx512);

}  // namespace qat::kernels
