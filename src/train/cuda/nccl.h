// The exchange of ranks that have a GPU each: c10d's NCCL.
#pragma once

#include <memory>

#include "train/cuda/program/exchange.h"
#include "train/distributed/group.h"

namespace qat::train::cuda {

// On the current device. Every rank of the group calls it; its first operation brings the ranks' GPUs together, outside
// of a capture. Throws Error(kFailure) where the plugin was built without NCCL.
std::unique_ptr<Exchange> make_nccl_exchange(Group& group);

}  // namespace qat::train::cuda
