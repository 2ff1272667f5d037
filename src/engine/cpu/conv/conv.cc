// The table of convolution kernels, fastest first, and how large a layer's sums get.
#include "engine/cpu/conv/conv.h"

#include <algorithm>
#include <bit>

#include "engine/cpu/conv/conv_kernels.h"

namespace qat::kernels {

int32_t sum_bits(const ConvProblem& p, std::span<const int8_t> weights) {
  // Of an input x - z, which lies between -z and in_highest - z.
  const int64_t below = p.in_zero_point, above = p.in_highest - p.in_zero_point;
  const auto depth = static_cast<size_t>(p.in_channels / p.groups * p.kernel_h * p.kernel_w);
  int64_t largest = 0;
  for (size_t first = 0; first < weights.size(); first += depth) {
    int64_t positive = 0, negative = 0;
    for (const int8_t w : weights.subspan(first, depth)) (w > 0 ? positive : negative) += w;
    largest = std::max({largest, positive * above - negative * below, positive * below - negative * above});
  }
  return 1 + static_cast<int32_t>(std::bit_width(static_cast<uint64_t>(largest)));
}

std::span<const ConvKernel> conv_kernels() {
  static const ConvKernel table[] = {kConv16x32Amx,   kConv14x32Avx512Vnni, kWinogradAvx512Vnni, kConv10x32Avx512,
                                     kWinogradAvx512, kConv6x16AvxVnni,     kWinogradAvxVnni,    kConv6x16LowAvx2,
                                     kConv4x16Avx2,   kWinogradAvx2,        kConv4x8Portable,    kConvReference};
  return table;
}

}  // namespace qat::kernels
