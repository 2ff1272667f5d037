// The dequantize kernel for AVX2.
#include "engine/cpu/dequantize/dequantize_lanes.h"
#include "engine/cpu/tile/vector_avx2.h"

namespace qat::kernels {

constinit const DequantizeKernel kDequantizeAvx2 = make_kernel<Lanes256>("dequantize_avx2", Isa::kAvx2);

}  // namespace qat::kernels
