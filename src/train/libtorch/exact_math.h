// LibTorch's settings while a module is evaluated.
#pragma once

#include "train/libtorch/libtorch.h"

namespace qat::train {

// Exact sums on a GPU: cuDNN may choose algorithms that round (exact_conv.h); TF32 would keep 10 bits of a float.
class ExactMath {
 public:
  explicit ExactMath(bool without_cudnn) : cudnn_(at::globalContext().userEnabledCuDNN()) {
    at::globalContext().setUserEnabledCuDNN(cudnn_ && !without_cudnn);
    at::globalContext().setAllowTF32CuDNN(false);
    at::globalContext().setAllowTF32CuBLAS(false);
  }
  ~ExactMath() { at::globalContext().setUserEnabledCuDNN(cudnn_); }
  ExactMath(const ExactMath&) = delete;
  ExactMath& operator=(const ExactMath&) = delete;

 private:
  const bool cudnn_;
};

}  // namespace qat::train
