// In place of nccl.cc where NCCL's header is not installed.
#include "base/error.h"
#include "train/cuda/nccl.h"

namespace qat::train::cuda {

std::unique_ptr<Exchange> make_nccl_exchange(Group&) {
  fail(Code::kFailure,
       "[DEVICE] several GPUs need NCCL, which was not there when this was built; `./dev setup --cuda` "
       "installs it");
}

}  // namespace qat::train::cuda
