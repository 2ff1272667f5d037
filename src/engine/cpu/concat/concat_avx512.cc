// Concatenation for AVX-512.
#include "engine/cpu/concat/concat_bytes.h"
#include "engine/cpu/tile/lookup_avx512.h"

namespace qat::kernels {

constinit const ConcatKernel kConcatAvx512 = make_kernel<LookUp512>("concat_avx512", Isa::kAvx512);

}  // namespace qat::kernels
