// ProcessGroupNCCL, with kernels ahead of the step's own: see nccl.h.
#include "train/cuda/nccl.h"

#include <cstdlib>
#include <exception>

#define USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include "train/cuda/check.h"
#include "train/cuda/program/c10d_exchange.h"
#include "train/distributed/c10d/group_impl.h"

namespace qat::train::cuda {

namespace {

class NcclExchange final : public Exchange {
 public:
  explicit NcclExchange(c10::intrusive_ptr<c10d::ProcessGroupNCCL> nccl) : nccl_(nccl), exchange_(nccl) {}
  // shutdown() waits for all collectives; after an error here the other ranks may never come to theirs.
  ~NcclExchange() override {
    try {
      std::uncaught_exceptions() > alive_ ? nccl_->abort() : nccl_->shutdown();
    } catch (const std::exception&) {
      // The process group is gone either way.
    }
  }
  NcclExchange(const NcclExchange&) = delete;
  NcclExchange& operator=(const NcclExchange&) = delete;

  int ranks() const override { return exchange_.ranks(); }
  void sum(const at::Tensor& values) override { exchange_.sum(values); }
  void largest(const at::Tensor& values) override { exchange_.largest(values); }
  void finish() override { exchange_.finish(); }

 private:
  const c10::intrusive_ptr<c10d::ProcessGroupNCCL> nccl_;
  C10dExchange exchange_;
  const int alive_ = std::uncaught_exceptions();
};

}  // namespace

std::unique_ptr<Exchange> make_nccl_exchange(Group& group) {
  // NCCL's ranks meet over sockets and skip the loopback unless told: on one host it is the interface that surely
  // works.
  if (group.launch().local_size == group.size()) setenv("NCCL_SOCKET_IFNAME", "lo", /*overwrite=*/0);
  return guarded([&] {
    // A high priority: an all-reduce that is ready takes its few processors before the rest of the backward pass does.
    auto options = c10d::ProcessGroupNCCL::Options::create(/*is_high_priority_stream=*/true);
    auto nccl = c10::make_intrusive<c10d::ProcessGroupNCCL>(group.impl().store_for("nccl"), group.rank(), group.size(),
                                                            std::move(options));
    return std::unique_ptr<Exchange>(std::make_unique<NcclExchange>(std::move(nccl)));
  });
}

}  // namespace qat::train::cuda
