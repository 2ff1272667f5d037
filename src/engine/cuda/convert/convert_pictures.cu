// Pictures into the network: up to 4 channels of f32 [N,C,H,W] or u8 [N,H,W,C] to u8 pixels of 4 bytes, or of f32
// [N,C,H,W] to f16 pixels of 16.
//
// Four pixels a thread where the planes' rows allow vector loads: 16-byte reads of each plane, one 16-byte store.
#include <cuda_fp16.h>

#include "base/qmath.h"
#include "engine/cuda/convert/convert_kernels.h"
#include "engine/cuda/launch.cuh"

namespace qat::cuda {
namespace {

constexpr int kThreads = 256;

struct Pictures {
  int32_t channels;
  int64_t plane;  // pixels of an image
  float scale;
  int32_t zero, lo, hi;
};

__device__ uint32_t code(const Pictures& p, float x) {
  return static_cast<uint32_t>(quantize(x, p.scale, p.zero, p.lo, p.hi));
}

// kPixels: 4, or 1 where an image's pixels are no multiple of 4 or the caller's memory is not aligned to 16 bytes.
template <int kPixels>
__device__ void read_planes(const Pictures& p, const float* x, uint32_t* y, int64_t first) {
  const float* image = x + first / p.plane * p.channels * p.plane + first % p.plane;
  uint32_t pixels[kPixels] = {};
  for (int32_t c = 0; c < p.channels; ++c) {
    float v[kPixels];
    if constexpr (kPixels == 4) {
      const float4 loaded = *reinterpret_cast<const float4*>(image + c * p.plane);
      v[0] = loaded.x, v[1] = loaded.y, v[2] = loaded.z, v[3] = loaded.w;
    } else {
      v[0] = image[c * p.plane];
    }
    for (int i = 0; i < kPixels; ++i) pixels[i] |= code(p, v[i]) << (8 * c);
  }
  if constexpr (kPixels == 4) {
    *reinterpret_cast<uint4*>(y + first) = make_uint4(pixels[0], pixels[1], pixels[2], pixels[3]);
  } else {
    y[first] = pixels[0];
  }
}

__global__ void planes_kernel(Pictures p, const float* x, const void* const* slot, uint32_t* y, int64_t pixels) {
  let_next_start();
  wait_for_previous();
  if (slot) x = static_cast<const float*>(*slot);
  const int64_t first = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * 4;
  if (p.plane % 4 == 0 && reinterpret_cast<uintptr_t>(x) % 16 == 0) {
    if (first < pixels) read_planes<4>(p, x, y, first);
    return;
  }
  for (int64_t i = first; i < min(first + 4, pixels); ++i) read_planes<1>(p, x, y, i);
}

// One pixel a thread: 8 halves, the last ones 0.
__global__ void half_kernel(Pictures p, const float* x, const void* const* slot, uint4* y, int64_t pixels) {
  let_next_start();
  wait_for_previous();
  if (slot) x = static_cast<const float*>(*slot);
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < pixels; i += int64_t{gridDim.x} * kThreads) {
    const float* image = x + i / p.plane * p.channels * p.plane + i % p.plane;
    __half pixel[8] = {};
    for (int32_t c = 0; c < 4; ++c)
      if (c < p.channels) pixel[c] = __float2half_rn(image[c * p.plane]);
    y[i] = make_uint4(__half_as_ushort(pixel[0]) | static_cast<uint32_t>(__half_as_ushort(pixel[1])) << 16,
                      __half_as_ushort(pixel[2]) | static_cast<uint32_t>(__half_as_ushort(pixel[3])) << 16, 0, 0);
  }
}

__global__ void table_kernel(int32_t channels, const uint8_t* x, const void* const* slot, const uint8_t* table,
                             uint32_t* y, int64_t pixels) {
  __shared__ uint8_t shared[4 * 256];
  for (int32_t i = threadIdx.x; i < channels * 256; i += kThreads) shared[i] = table[i];
  let_next_start();
  wait_for_previous();
  __syncthreads();
  if (slot) x = static_cast<const uint8_t*>(*slot);
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < pixels; i += int64_t{gridDim.x} * kThreads) {
    uint32_t pixel = 0;
    for (int32_t c = 0; c < channels; ++c)
      pixel |= static_cast<uint32_t>(shared[c * 256 + x[i * channels + c]]) << (8 * c);
    y[i] = pixel;
  }
}

const char* supports(const ConvertProblem& p) {
  const bool small = p.channels <= 4 && p.to.element == Element::kU8 && p.to.c == 1 && p.to.w == 4;
  const bool planes = p.lookup == Lookup::kNone && p.from.element == Element::kF32 && p.from.c != 1 && p.from.w == 1;
  const bool bytes = p.lookup == Lookup::kU8 && p.from.c == 1 && p.from.w == p.channels;
  const bool halves = p.channels <= 4 && p.to.element == Element::kF16 && p.to.c == 1 && p.to.w == 8;
  return (small && (planes || bytes)) || (halves && planes) ? nullptr : "pictures of up to 4 channels only";
}

cudaError_t run(const ConvertProblem& p, const ConvertArgs& a, void*, cudaStream_t stream) {
  const int64_t plane = p.height * p.width, pixels = p.batch * plane;
  const auto channels = static_cast<int32_t>(p.channels);
  auto* y = static_cast<uint32_t*>(a.y);
  if (p.lookup == Lookup::kU8) {
    return launch(table_kernel, {.grid = blocks_for(pixels, kThreads), .block = kThreads}, stream, channels,
                  static_cast<const uint8_t*>(a.x), a.x_slot, static_cast<const uint8_t*>(a.table), y, pixels);
  }
  const Pictures pictures{channels, plane, p.to.scale, p.to.zero, p.to.lo, p.to.hi};
  if (p.to.element == Element::kF16) {
    return launch(half_kernel, {.grid = blocks_for(pixels, kThreads), .block = kThreads}, stream, pictures,
                  static_cast<const float*>(a.x), a.x_slot, static_cast<uint4*>(a.y), pixels);
  }
  const dim3 grid(static_cast<unsigned>((pixels + 4 * kThreads - 1) / (4 * kThreads)));
  return launch(planes_kernel, {.grid = grid, .block = kThreads}, stream, pictures, static_cast<const float*>(a.x),
                a.x_slot, y, pixels);
}

}  // namespace

constinit const ConvertKernel kConvertPictures{"convert_pictures", kAnyCapability, supports,
                                               no_workspace<ConvertProblem>, run};

}  // namespace qat::cuda
