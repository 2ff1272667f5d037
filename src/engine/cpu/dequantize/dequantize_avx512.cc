// The dequantize kernel for AVX-512.
#include "engine/cpu/dequantize/dequantize_lanes.h"
#include "engine/cpu/tile/vector_avx512.h"

namespace qat::kernels {

constinit const DequantizeKernel kDequantizeAvx512 = make_kernel<Lanes512>("dequantize_avx512", Isa::kAvx512);

}  // namespace qat::kernels
