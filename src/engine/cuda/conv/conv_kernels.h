// The entries of the convolution's table.
#pragma once

#include "engine/cuda/conv/conv.h"

namespace qat::cuda {

// conv_s8_<pixels>x<channels>x<depth bytes>_mma: mma.sync; _k<n>: n blocks of a cluster share the depth (sm_90).
extern const ConvKernel kConv256x128x64Mma;
extern const ConvKernel kConv128x256x64Mma;
extern const ConvKernel kConv128x128x128Mma;
extern const ConvKernel kConv128x128x64Mma;
extern const ConvKernel kConv128x64x64Mma;
extern const ConvKernel kConv64x64x128Mma;
extern const ConvKernel kConv64x64x64Mma;
extern const ConvKernel kConv64x32x128Mma;
extern const ConvKernel kConv32x64x128Mma;
extern const ConvKernel kConv64x64x128MmaK2;
extern const ConvKernel kConv64x64x128MmaK4;
extern const ConvKernel kConv64x64x128MmaK8;
extern const ConvKernel kConv64x32x128MmaK2;
extern const ConvKernel kConv64x32x128MmaK4;
extern const ConvKernel kConv64x32x128MmaK8;
extern const ConvKernel kConv32x32x128MmaK4;
extern const ConvKernel kConv32x32x128MmaK8;
// ..._wgmma: the same by wgmma (sm_90a).
extern const ConvKernel kConv128x128Wgmma;
extern const ConvKernel kConv128x64Wgmma;
// ..._tma: wgmma, fed by the copy engine (sm_90a).
extern const ConvKernel kConv128x128Tma;
extern const ConvKernel kConv256x64Tma;
extern const ConvKernel kConv64x128Tma;
extern const ConvKernel kConv64x64Tma;
extern const ConvKernel kConv64x128TmaFew;
extern const ConvKernel kConv128x256Tma;
extern const ConvKernel kConv256x128Tma;
// ..._tma_k<n>: n blocks of a cluster share the depth.
extern const ConvKernel kConv64x64TmaK2;
extern const ConvKernel kConv64x64TmaK4;
extern const ConvKernel kConv64x128TmaK2;
extern const ConvKernel kConv64x128TmaK4;
// conv_s8_stem: pixels of 4 bytes; _wgmma: sm_90a.
extern const ConvKernel kConvStemWgmma;
extern const ConvKernel kConvStem;
extern const ConvKernel kConvReference;

}  // namespace qat::cuda
