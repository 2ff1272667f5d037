// The table of look-up kernels, fastest first.
#include "engine/cpu/lut/lut.h"

#include "engine/cpu/lut/lut_kernels.h"

namespace qat::kernels {

std::span<const LutKernel> lut_kernels() {
  static const LutKernel table[] = {kLutAvx512, kLutAvx2, kLutReference};
  return table;
}

}  // namespace qat::kernels
