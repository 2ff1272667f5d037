// Conversion of strided tensors, one element a thread: see convert.h.
#include <cuda_fp16.h>

#include "base/qmath.h"
#include "engine/cuda/convert/convert_kernels.h"
#include "engine/cuda/launch.cuh"

namespace qat::cuda {
namespace {

constexpr int kThreads = 256;

__device__ int64_t at(const ConvertSide& s, int64_t n, int64_t c, int64_t h, int64_t w) {
  return n * s.n + c * s.c + h * s.h + w * s.w;
}

__device__ float load(const ConvertSide& s, const void* x, int64_t i) {
  switch (s.element) {
    case Element::kU8:
      return dequantize(static_cast<const uint8_t*>(x)[i], s.scale, s.zero);
    case Element::kF32:
      return static_cast<const float*>(x)[i];
    case Element::kF16:
      return __half2float(static_cast<const __half*>(x)[i]);
  }
  return 0.0f;
}

__device__ void store(const ConvertSide& s, void* y, int64_t i, float v) {
  switch (s.element) {
    case Element::kU8:
      static_cast<uint8_t*>(y)[i] = static_cast<uint8_t>(quantize(v, s.scale, s.zero, s.lo, s.hi));
      return;
    case Element::kF32:
      static_cast<float*>(y)[i] = v;
      return;
    case Element::kF16:
      static_cast<__half*>(y)[i] = __float2half_rn(v);
  }
}

__device__ void copy(Element element, const void* x, int64_t from, void* y, int64_t to) {
  if (element == Element::kU8) static_cast<uint8_t*>(y)[to] = static_cast<const uint8_t*>(x)[from];
  if (element == Element::kF32) static_cast<float*>(y)[to] = static_cast<const float*>(x)[from];
  if (element == Element::kF16) static_cast<uint16_t*>(y)[to] = static_cast<const uint16_t*>(x)[from];
}

// Threads run along the side whose stores are contiguous: `channels_last` of y.
__global__ void convert_kernel(ConvertProblem p, ConvertArgs a, bool channels_last, int64_t total) {
  let_next_start();
  wait_for_previous();
  const void* x = a.x_slot ? *a.x_slot : a.x;
  void* y = a.y_slot ? *a.y_slot : a.y;
  const int64_t stored = p.channels + p.pad_channels;
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < total; i += int64_t{gridDim.x} * kThreads) {
    int64_t rest = i, c = 0;
    if (channels_last) c = rest % stored, rest /= stored;
    const int64_t w = rest % p.width, h = rest / p.width % p.height;
    rest /= p.width * p.height;
    if (!channels_last) c = rest % stored, rest /= stored;
    const int64_t from = at(p.from, rest, c, h, w), to = at(p.to, rest, c, h, w);
    if (c >= p.channels) {
      static_cast<uint16_t*>(y)[to] = 0;
    } else if (p.copies) {
      copy(p.from.element, x, from, y, to);
    } else if (p.lookup == Lookup::kNone) {
      store(p.to, y, to, load(p.from, x, from));
    } else {
      const int64_t entry = c * 256 + static_cast<const uint8_t*>(x)[from];
      if (p.lookup == Lookup::kU8) static_cast<uint8_t*>(y)[to] = static_cast<const uint8_t*>(a.table)[entry];
      if (p.lookup == Lookup::kF32) store(p.to, y, to, static_cast<const float*>(a.table)[entry]);
    }
  }
}

cudaError_t run(const ConvertProblem& p, const ConvertArgs& a, void*, cudaStream_t stream) {
  const int64_t total = p.batch * (p.channels + p.pad_channels) * p.height * p.width;
  return launch(convert_kernel, {.grid = blocks_for(total, kThreads), .block = kThreads}, stream, p, a, p.to.c == 1,
                total);
}

}  // namespace

constinit const ConvertKernel kConvertReference{"convert_reference", kAnyCapability, supports_all<ConvertProblem>,
                                                no_workspace<ConvertProblem>, run};

}  // namespace qat::cuda
