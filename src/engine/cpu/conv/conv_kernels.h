// The entries of the convolution's table, one file per ISA.
#pragma once

#include "engine/cpu/conv/conv.h"

namespace qat::kernels {

extern const ConvKernel kConv16x32Amx;
extern const ConvKernel kConv14x32Avx512Vnni;
extern const ConvKernel kConv10x32Avx512;
extern const ConvKernel kConv6x16AvxVnni;
extern const ConvKernel kConv6x16LowAvx2;
extern const ConvKernel kConv4x16Avx2;
extern const ConvKernel kConv4x8Portable;
extern const ConvKernel kConvReference;

extern const ConvKernel kWinogradAvx512Vnni;
extern const ConvKernel kWinogradAvx512;
extern const ConvKernel kWinogradAvxVnni;
extern const ConvKernel kWinogradAvx2;

}  // namespace qat::kernels
