// The training kernels for AVX2 and FMA.
#include "train/kernels/kernels.h"
#include "train/kernels/simd_avx2.h"
#include "train/kernels/table.h"

namespace qat::train {

const Kernels kKernelsAvx2 = make_table<SimdAvx2>(Isa::kAvx2);

}  // namespace qat::train
