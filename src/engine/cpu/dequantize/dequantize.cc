// The table of dequantization kernels, fastest first.
#include "engine/cpu/dequantize/dequantize.h"

#include "engine/cpu/dequantize/dequantize_kernels.h"

namespace qat::kernels {

std::span<const DequantizeKernel> dequantize_kernels() {
  static const DequantizeKernel table[] = {kDequantizeAvx512, kDequantizeAvx2, kDequantizeReference};
  return table;
}

}  // namespace qat::kernels
