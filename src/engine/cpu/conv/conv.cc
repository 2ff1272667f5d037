// The table of convolution kernels, fastest first.
#include "engine/cpu/conv/conv.h"

#include "engine/cpu/conv/conv_kernels.h"

namespace qat::kernels {

std::span<const ConvKernel> conv_kernels() {
  static const ConvKernel table[] = {kConv14x32Avx512Vnni, kConvReference};
  return table;
}

}  // namespace qat::kernels
