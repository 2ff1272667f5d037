// Float weights as cuDNN wants them.
#pragma once

#include "engine/cuda/float_ops/float_ops.h"

namespace qat::cuda {

// f32 [K,C,R,S] -> f32 or f16 [stored_k,R,S,stored_c], 0 past K and C.
struct Repack {
  int64_t k, c, taps, stored_k, stored_c;
};
cudaError_t repack_weights(const Repack& r, FloatKind kind, const float* weights, void* packed);

// f32 [K] -> f32 or f16 [stored_k].
cudaError_t repack_bias(const Repack& r, FloatKind kind, const float* bias, void* packed);

}  // namespace qat::cuda
