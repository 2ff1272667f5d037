// The table of addition kernels, fastest first.
#include "engine/cpu/add/add.h"

#include "engine/cpu/add/add_kernels.h"

namespace qat::kernels {

std::span<const AddKernel> add_kernels() {
  static const AddKernel table[] = {kAddAvx512, kAddAvx2, kAddReference};
  return table;
}

}  // namespace qat::kernels
