// Asynchronous all-reduces, waited for together: see c10d_exchange.h.
#include "train/cuda/program/c10d_exchange.h"

namespace qat::train::cuda {

void C10dExchange::reduce(const at::Tensor& values, c10d::ReduceOp::RedOpType op) {
  std::vector<at::Tensor> tensors{values};
  c10d::AllreduceOptions options;
  options.reduceOp = op;
  works_.push_back(backend_->allreduce(tensors, options));
}

// NCCL's wait() makes the current stream wait, not the host.
void C10dExchange::finish() {
  for (const auto& work : works_) work->wait();
  works_.clear();
}

}  // namespace qat::train::cuda
