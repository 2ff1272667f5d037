// The entries of the pools' table.
#pragma once

#include "engine/cuda/pool/pool.h"

namespace qat::cuda {

extern const PoolKernel kPoolMax16;      // largest values, 16 channels a thread
extern const PoolKernel kPoolGlobal;     // a block an image and 64 channels
extern const PoolKernel kPoolReference;  // one thread an output

}  // namespace qat::cuda
