// The table of convolution kernels, fastest first.
#include "engine/cuda/conv/conv.h"

#include "engine/cuda/conv/conv_kernels.h"

namespace qat::cuda {

std::span<const ConvKernel> conv_kernels() {
  static const ConvKernel table[] = {
      kConv128x128Tma,     kConv128x256Tma,     kConv256x128Tma,     kConv256x64Tma,      kConv64x128Tma,
      kConv64x64Tma,       kConv64x128TmaFew,   kConv64x64TmaK2,     kConv64x64TmaK4,     kConv64x128TmaK2,
      kConv64x128TmaK4,    kConv128x128Wgmma,   kConv128x64Wgmma,    kConv128x128x64Mma,  kConv256x128x64Mma,
      kConv128x256x64Mma,  kConv128x128x128Mma, kConv128x64x64Mma,   kConv64x64x128Mma,   kConv64x64x64Mma,
      kConv64x32x128Mma,   kConv32x64x128Mma,   kConv64x64x128MmaK2, kConv64x64x128MmaK4, kConv64x64x128MmaK8,
      kConv64x32x128MmaK2, kConv64x32x128MmaK4, kConv64x32x128MmaK8, kConv32x32x128MmaK4, kConv32x32x128MmaK8,
      kConvStemWgmma,      kConvStem,           kConvReference};
  return table;
}

}  // namespace qat::cuda
