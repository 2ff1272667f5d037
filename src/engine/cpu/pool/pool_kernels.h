// The entries of the pooling table, one file per ISA.
#pragma once

#include "engine/cpu/pool/pool.h"

namespace qat::kernels {

extern const PoolKernel kPoolAvx512;
extern const PoolKernel kPoolAvx2;
extern const PoolKernel kPoolReference;

}  // namespace qat::kernels
