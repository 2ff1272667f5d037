// The training kernels for plain C++.
#include "train/kernels/kernels.h"
#include "train/kernels/simd_portable.h"
#include "train/kernels/table.h"

namespace qat::train {

const Kernels kKernelsPortable = make_table<SimdPortable>(Isa::kPortable);

}  // namespace qat::train
