// Gradients of a module on LibTorch's autograd, added up over the ranks while the backward pass goes on.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/distributed/c10d/group_impl.h"

namespace qat::train {

// c10d's Reducer: buckets in the order in which the backward pass makes gradients, an all-reduce a bucket as soon as it
// is full. The sum, not the mean: each rank's loss is its share of the whole batch's.
class Gradients {
 public:
  // Leaves by name; they stay where they are.
  Gradients(Group& group, const std::vector<std::pair<std::string, at::Tensor>>& leaves);

  // The backward pass from `loss`, on all ranks: when it returns, leaves hold the sums. A leaf without a part in any
  // rank's loss has no gradient.
  void backward(const at::Tensor& loss);

 private:
  std::unique_ptr<c10d::Reducer> reducer_;
};

}  // namespace qat::train
