// CUDA's and LibTorch's errors as ours.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

#include "base/error.h"
#include "train/cuda/program/torch.h"

namespace qat::train::cuda {

inline void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  const Code code = status == cudaErrorMemoryAllocation ? Code::kOutOfMemory : Code::kFailure;
  fail(code, "[cuda] ", what, ": ", cudaGetErrorString(status));
}

// One line, without LibTorch's stack.
template <class Body>
auto guarded(const Body& body) {
  try {
    return body();
  } catch (const c10::OutOfMemoryError& error) {
    fail(Code::kOutOfMemory, "[cuda] out of memory; lower TRAIN.BATCH, TEST.BATCH or QUANT.BATCH");
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    fail(Code::kFailure, "[LibTorch] ", text.substr(0, text.find('\n')));
  }
}

}  // namespace qat::train::cuda
