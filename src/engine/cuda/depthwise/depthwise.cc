// The table of depthwise kernels, fastest first.
#include "engine/cuda/depthwise/depthwise.h"

#include "engine/cuda/depthwise/depthwise_kernels.h"

namespace qat::cuda {

std::span<const DepthwiseKernel> depthwise_kernels() {
  static const DepthwiseKernel table[] = {kDepthwiseRows4, kDepthwiseRows2, kDepthwiseRows1, kDepthwiseReference};
  return table;
}

}  // namespace qat::cuda
