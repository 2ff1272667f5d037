// The table of product kernels, fastest first.
#include "engine/cpu/mul/mul.h"

#include "engine/cpu/mul/mul_kernels.h"

namespace qat::kernels {

std::span<const MulKernel> mul_kernels() {
  static const MulKernel table[] = {kMulAvx512, kMulAvx2, kMulReference};
  return table;
}

}  // namespace qat::kernels
