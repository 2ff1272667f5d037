// From a tile to an entry of the table.
#pragma once

#include "engine/cuda/conv/conv_kernels.h"
#include "engine/cuda/conv/conv_mma.cuh"

namespace qat::cuda {

template <class Shape, int kSplit>
struct ConvMmaEntry {
  static const char* supports(const kernels::ConvProblem& p) {
    if (ConvShape(p).depth <= (kSplit - 1) * Shape::kSpec.step_bytes)
      return "fewer steps of depth than blocks to share them";
    return mma_supports(p);
  }
  static cudaError_t run(const kernels::ConvProblem& p, const kernels::ConvArgs& a, void*, cudaStream_t stream) {
    return launch_conv_mma<Shape>(conv_params(p, a, Shape::kSpec.columns), kSplit, stream);
  }
};

template <class Shape, int kSplit = 1>
constexpr ConvKernel conv_mma_entry(const char* name) {
  using Entry = ConvMmaEntry<Shape, kSplit>;
  return {{name, kSplit > 1 ? 90 : kAnyCapability, Entry::supports, no_workspace<kernels::ConvProblem>, Entry::run},
          mma_packed_bytes,
          mma_pack};
}

}  // namespace qat::cuda
