// What ranks that train together tell each other within a step, queued between the kernels.
#pragma once

#include "train/cuda/program/torch.h"

namespace qat::train::cuda {

// An operation begins when what the target's stream has so far is done, and runs beside what is queued after it, in a
// captured graph, too; operations run one after the other, in the same order on all ranks. Results are equal on all
// ranks to the bit. A tensor is the program's own memory, at the same address in every run.
class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual int ranks() const = 0;
  virtual void sum(const at::Tensor& values) = 0;
  virtual void largest(const at::Tensor& values) = 0;

  // What is queued from now on comes after all of them.
  virtual void finish() = 0;
};

}  // namespace qat::train::cuda
