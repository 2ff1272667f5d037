// A Group to code that sees LibTorch.
#pragma once

#include "train/distributed/c10d/watch.h"
#include "train/distributed/group.h"

namespace qat::train {

struct Group::Impl {
  Launch launch;
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::Backend> gloo;        // tensors of the host
  c10::intrusive_ptr<c10d::ProcessGroup> ranks;  // the same, as the Reducer takes it
  std::unique_ptr<Watch> watch;

  // A store of its own for one more backend; all ranks ask in the same order. The same name twice gives two: a backend
  // that finds what an earlier one left there waits for ranks that are elsewhere.
  c10::intrusive_ptr<c10d::Store> store_for(const std::string& name) {
    return c10::make_intrusive<c10d::PrefixStore>(cat("qat/", name, "/", stores++), store);
  }
  int stores = 0;
};

}  // namespace qat::train
