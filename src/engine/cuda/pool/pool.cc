// The table of pools, fastest first.
#include "engine/cuda/pool/pool.h"

#include "engine/cuda/pool/pool_kernels.h"

namespace qat::cuda {

std::span<const PoolKernel> pool_kernels() {
  static const PoolKernel table[] = {kPoolMax16, kPoolGlobal, kPoolReference};
  return table;
}

}  // namespace qat::cuda
