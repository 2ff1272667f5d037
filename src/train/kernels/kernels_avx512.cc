// The training kernels for AVX-512.
#include "train/kernels/kernels.h"
#include "train/kernels/simd_avx512.h"
#include "train/kernels/table.h"

namespace qat::train {

const Kernels kKernelsAvx512 = make_table<SimdAvx512>(Isa::kAvx512);

}  // namespace qat::train
