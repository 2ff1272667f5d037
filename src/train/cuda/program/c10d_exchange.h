// An exchange over a backend of c10d: NCCL on GPUs, Gloo on the host.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <vector>

#include "train/cuda/program/exchange.h"

namespace qat::train::cuda {

class C10dExchange final : public Exchange {
 public:
  explicit C10dExchange(c10::intrusive_ptr<c10d::Backend> backend) : backend_(std::move(backend)) {}

  int ranks() const override { return backend_->getSize(); }
  void sum(const at::Tensor& values) override { reduce(values, c10d::ReduceOp::SUM); }
  void largest(const at::Tensor& values) override { reduce(values, c10d::ReduceOp::MAX); }
  void finish() override;

 private:
  void reduce(const at::Tensor& values, c10d::ReduceOp::RedOpType op);

  const c10::intrusive_ptr<c10d::Backend> backend_;
  std::vector<c10::intrusive_ptr<c10d::Work>> works_;
};

}  // namespace qat::train::cuda
