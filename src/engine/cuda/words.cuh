// Elementwise kernels: one thread takes a word, 4 channels of one pixel, and calls an op with it.
#pragma once

#include "engine/cuda/epilogue.cuh"
#include "engine/cuda/kernel.h"
#include "engine/cuda/launch.cuh"

namespace qat::cuda {

// Where 4 results of a pixel go: u8 at the GPU's pitch, or f32 at pitch C. The pad channels of u8 get something.
struct WordSink {
  DeviceEpilogue epilogue;
  void* y;
  int64_t channels;
  bool stored;  // u8

  __device__ void put(int64_t pixel, int64_t word, int64_t words, const float (&v)[4]) const {
    if (stored) {
      static_cast<uint32_t*>(y)[pixel * words + word] = finish4(epilogue, v);
      return;
    }
    float* out = static_cast<float*>(y) + pixel * channels + word * 4;
    for (int i = 0; i < 4; ++i)
      if (word * 4 + i < channels) out[i] = finish_f32(epilogue, v[i]);
  }
};

inline WordSink word_sink(const kernels::Epilogue& e, void* y, int64_t channels) {
  return {device_epilogue(e), y, channels, e.output == kernels::Output::kU8};
}

namespace {  // a kernel template: each file keeps its own

constexpr int kWordThreads = 256;

// Index: 32 bits wherever they count all words; 64-bit divisions cost more than the memory.
template <class Op, class Index>
__global__ void words_kernel(Op op, Index words, Index total) {
  let_next_start();
  wait_for_previous();
  for (Index i = static_cast<Index>(blockIdx.x) * kWordThreads + threadIdx.x; i < total; i += gridDim.x * kWordThreads)
    op(static_cast<int64_t>(i / words), static_cast<int64_t>(i % words), static_cast<int64_t>(words));
}

// op(pixel, word, words a pixel) for all words of `pixels` pixels of `channels`.
template <class Op>
cudaError_t launch_words(const Op& op, int64_t pixels, int64_t channels, cudaStream_t stream) {
  const int64_t words = pitch_of(channels) / 4, total = pixels * words;
  const LaunchShape shape{.grid = blocks_for(total, kWordThreads), .block = kWordThreads};
  // Room for the last step of a thread beyond the end.
  if (total < (int64_t{1} << 32) - (int64_t{1} << 25))
    return launch(words_kernel<Op, uint32_t>, shape, stream, op, static_cast<uint32_t>(words),
                  static_cast<uint32_t>(total));
  return launch(words_kernel<Op, int64_t>, shape, stream, op, words, total);
}

}  // namespace
}  // namespace qat::cuda
