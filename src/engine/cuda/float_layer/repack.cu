// One element a thread: see repack.h.
#include "engine/cuda/float_layer/repack.h"
#include "engine/cuda/float_ops/elements.cuh"

namespace qat::cuda {
namespace {

template <class T>
__global__ void repack_kernel(Repack r, const float* weights, T* packed, int64_t total) {
  QAT_GRID_LOOP(i, total) {
    const int64_t c = i % r.stored_c, tap = i / r.stored_c % r.taps, k = i / r.stored_c / r.taps;
    put(packed + i, k < r.k && c < r.c ? weights[(k * r.c + c) * r.taps + tap] : 0.0f);
  }
}

}  // namespace

cudaError_t repack_weights(const Repack& r, FloatKind kind, const float* weights, void* packed) {
  const int64_t total = r.stored_k * r.taps * r.stored_c;
  return with_type(kind, [&]<class T>(T) {
    repack_kernel<T><<<grid_of(total).grid, kFloatThreads>>>(r, weights, static_cast<T*>(packed), total);
    return cudaGetLastError();
  });
}

cudaError_t repack_bias(const Repack& r, FloatKind kind, const float* bias, void* packed) {
  return repack_weights({.k = r.k, .c = 1, .taps = 1, .stored_k = r.stored_k, .stored_c = 1}, kind, bias, packed);
}

}  // namespace qat::cuda
