// Images as a module takes them: f32 [N,C,H,W], channels last, where the module computes.
#pragma once

#include "base/tensor.h"
#include "data/normalize.h"
#include "train/libtorch/libtorch.h"

namespace qat::train {

class ModuleInput {
 public:
  // mean, std: of u8 images, of x / 255. See data/normalize.h.
  ModuleInput(const std::vector<double>& mean, const std::vector<double>& std) : mean_(mean), std_(std) {}

  // u8 [N,H,W,C], normalized, or f32 [N,C,H,W]; f32 of another rank stays as it is. Pixels go to a GPU as bytes and are
  // looked up there, in the same table.
  at::Tensor operator()(const Tensor& images, at::Device device);

 private:
  at::Tensor from_bytes(const Tensor& images) const;
  at::Tensor from_bytes_on(const Tensor& images, at::Device device);

  const std::vector<double> mean_, std_;
  at::Tensor table_, rows_;  // on the GPU: [C 256] in one row; [C] where each channel's begins
};

}  // namespace qat::train
