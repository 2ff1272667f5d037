// A step of a program: one node or chain of the graph, forward and backward, written out; no autograd around it.
#pragma once

#include <memory>
#include <vector>

#include "train/cuda/program/exchange.h"
#include "train/cuda/program/tape.h"
#include "train/cuda/program/target.h"

namespace qat::train::cuda {

// What a step sees of the pass under way.
struct Pass {
  const Target& target;
  Tape& tape;
  at::Tensor& workspace;  // of reductions, shared by all steps: see kernels.h
  int32_t* status = nullptr;
  bool bn_frozen = false;              // normalize with the running statistics and leave them
  Exchange* sync_bn = nullptr;         // statistics are those of all ranks; nullptr: of this one
  int64_t images = 0, all_images = 0;  // here, and of all ranks (0: the same)

  void* workspace_for(const Pixels& px) const;

  // Rows of all ranks' tensors where this rank's has `rows`.
  int64_t all_rows(int64_t rows) const { return all_images == 0 ? rows : rows / images * all_images; }
};

class Step {
 public:
  virtual ~Step() = default;

  // Puts its output on the tape and keeps what backward needs.
  virtual void forward(const Pass& pass) = 0;

  // Takes its output's gradient from the tape, adds those of its inputs; lets go of what it kept.
  virtual void backward(const Pass& pass) = 0;

  virtual const char* kind() const = 0;  // "convolution", in profiles

  std::vector<ir::ValueId> last_read;  // released after forward
};

// Which values lead to a trained leaf: others get no gradient. By value id.
using Wanted = std::vector<bool>;

}  // namespace qat::train::cuda
