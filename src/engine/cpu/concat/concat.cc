// The table of concatenation kernels, fastest first.
#include "engine/cpu/concat/concat.h"

#include "engine/cpu/concat/concat_kernels.h"

namespace qat::kernels {

std::span<const ConcatKernel> concat_kernels() {
  static const ConcatKernel table[] = {kConcatAvx512, kConcatAvx2, kConcatReference};
  return table;
}

}  // namespace qat::kernels
