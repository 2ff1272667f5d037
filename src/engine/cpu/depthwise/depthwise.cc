// The table of depthwise kernels, fastest first.
#include "engine/cpu/depthwise/depthwise.h"

#include "engine/cpu/depthwise/depthwise_kernels.h"

namespace qat::kernels {

std::span<const DepthwiseKernel> depthwise_kernels() {
  static const DepthwiseKernel table[] = {kDepthwise64Avx512Vnni, kDepthwise32AvxVnni, kDepthwise32LowAvx2,
                                          kDepthwise32Avx2, kDepthwiseReference};
  return table;
}

}  // namespace qat::kernels
