// Concatenation for AVX2.
#include "engine/cpu/concat/concat_bytes.h"
#include "engine/cpu/tile/lookup_avx2.h"

namespace qat::kernels {

constinit const ConcatKernel kConcatAvx2 = make_kernel<LookUp256>("concat_avx2", Isa::kAvx2);

}  // namespace qat::kernels
