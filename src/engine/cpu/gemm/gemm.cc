// The table of fully connected kernels, fastest first.
#include "engine/cpu/gemm/gemm.h"

#include "engine/cpu/gemm/gemm_kernels.h"

namespace qat::kernels {

std::span<const GemmKernel> gemm_kernels() {
  static const GemmKernel table[] = {kGemmReference};
  return table;
}

}  // namespace qat::kernels
