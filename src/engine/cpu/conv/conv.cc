// The table of convolution kernels, fastest first.
#include "engine/cpu/conv/conv.h"

#include "engine/cpu/conv/conv_kernels.h"

namespace qat::kernels {

std::span<const ConvKernel> conv_kernels() {
  static const ConvKernel table[] = {kConvReference};
  return table;
}

}  // namespace qat::kernels
