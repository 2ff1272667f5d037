// The table of pooling kernels, fastest first.
#include "engine/cpu/pool/pool.h"

#include "engine/cpu/pool/pool_kernels.h"

namespace qat::kernels {

std::span<const PoolKernel> pool_kernels() {
  static const PoolKernel table[] = {kPoolAvx512, kPoolAvx2, kPoolReference};
  return table;
}

}  // namespace qat::kernels
