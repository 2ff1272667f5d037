// The table of convolution kernels, fastest first.
#include "engine/cpu/conv/conv.h"

#include "engine/cpu/conv/conv_kernels.h"

namespace qat::kernels {

std::span<const ConvKernel> conv_kernels() {
  static const ConvKernel table[] = {kConv16x32Amx,    kConv14x32Avx512Vnni, kConv10x32Avx512, kConv6x16AvxVnni,
                                     kConv6x16LowAvx2, kConv4x16Avx2,        kConv4x8Portable, kConvReference};
  return table;
}

}  // namespace qat::kernels
