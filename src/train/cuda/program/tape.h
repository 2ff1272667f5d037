// What flows between the steps of a program: values forward, gradients backward, by value id of the graph.
#pragma once

#include <vector>

#include "ir/graph.h"
#include "train/cuda/kernels/types.h"
#include "train/cuda/program/torch.h"

namespace qat::train::cuda {

// Values and gradients are bf16; [N,C,H,W] lies channels last. A step keeps what its backward pass needs; the tape lets
// go of a value after its last reader, of a gradient when it is taken.
class Tape {
 public:
  explicit Tape(size_t values) : values_(values), integers_(values), gradients_(values) {}

  at::Tensor& value(ir::ValueId id) { return values_[static_cast<size_t>(id)]; }

  // A quantized value as it also is, q s: half the bytes for a step that keeps it. Empty where no quantizer wrote it.
  struct Integers {
    at::Tensor q;  // int8, in the value's order
    Range range;   // its scale stays until the backward pass is over
  };
  Integers& integers(ir::ValueId id) { return integers_[static_cast<size_t>(id)]; }

  void release(ir::ValueId id) { value(id) = at::Tensor(), integers(id) = {}; }

  // A value with several readers gets several parts, in the readers' order backward.
  void add_gradient(ir::ValueId id, at::Tensor part) {
    if (part.defined()) gradients_[static_cast<size_t>(id)].push_back(std::move(part));
  }

  // Their sum, as at most two tensors: kernels that read a gradient add two on the way. Empty: no part in the loss.
  std::vector<at::Tensor> take_gradients(ir::ValueId id) {
    std::vector<at::Tensor> parts = std::move(gradients_[static_cast<size_t>(id)]);
    gradients_[static_cast<size_t>(id)].clear();
    while (parts.size() > 2) {
      parts[parts.size() - 2] = at::add(parts[parts.size() - 2], parts.back());
      parts.pop_back();
    }
    return parts;
  }

  // Undefined when the value has no part in the loss.
  at::Tensor take_gradient(ir::ValueId id) {
    const std::vector<at::Tensor> parts = take_gradients(id);
    if (parts.empty()) return {};
    return parts.size() == 1 ? parts[0] : at::add(parts[0], parts[1]);
  }

 private:
  std::vector<at::Tensor> values_;
  std::vector<Integers> integers_;
  std::vector<std::vector<at::Tensor>> gradients_;
};

}  // namespace qat::train::cuda
