// The table of quantization kernels, fastest first.
#include "engine/cpu/quantize/quantize.h"

#include "engine/cpu/quantize/quantize_kernels.h"

namespace qat::kernels {

std::span<const QuantizeKernel> quantize_kernels() {
  static const QuantizeKernel table[] = {kQuantizeAvx512, kQuantizeAvx2, kQuantizeDwords, kQuantizeReference};
  return table;
}

}  // namespace qat::kernels
