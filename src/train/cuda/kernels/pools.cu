// Max and mean pooling on the device, eight channels a thread; see kernels.h.
#include "train/cuda/kernels/device.cuh"
#include "train/cuda/kernels/device_kernels.h"
#include "train/cuda/kernels/pools.h"

namespace qat::train::cuda {

namespace {

constexpr int kThreads = 256;

// A block works in one row of an image; thread -> (pixel of the row, eight channels), so that warps read whole lines.
struct PoolPlace {
  int row, column, channel, count;
  __device__ PoolPlace(int64_t channels) {
    const unsigned groups = static_cast<unsigned>(channels + 7) / 8, at = blockIdx.y * kThreads + threadIdx.x;
    row = static_cast<int>(blockIdx.x);
    column = static_cast<int>(at / groups), channel = static_cast<int>(at % groups * 8);
    count = min(8, static_cast<int>(channels) - channel);
  }
};

dim3 blocks_for(int64_t rows, int64_t width, int64_t channels) {
  const int64_t threads = width * ((channels + 7) / 8), y = (threads + kThreads - 1) / kThreads;
  QAT_ASSERT(rows < int64_t{1} << 31 && y < 65536);
  return dim3(static_cast<unsigned>(rows), static_cast<unsigned>(y));
}

template <bool kAligned>
__device__ void store_index(uint8_t* to, const unsigned (&index)[8], int count) {
  if constexpr (kAligned) {
    uint2 words{};
#pragma unroll
    for (int i = 0; i < 8; ++i) (i < 4 ? words.x : words.y) |= index[i] << (8 * (i % 4));
    *reinterpret_cast<uint2*>(to) = words;
  } else {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      if (i < count) to[i] = static_cast<uint8_t>(index[i]);
    }
  }
}

template <class T, bool kAligned>
__global__ void __launch_bounds__(kThreads) max_pool_kernel(const __grid_constant__ MaxPoolArgs args) {
  const PoolPlace place(args.channels);
  if (place.column >= args.out_width) return;
  const OutputWindow window(args, place.row, place.column);
  const int64_t row_stride = args.width * args.channels;
  const auto* x = static_cast<const T*>(args.x) + (window.image * args.height + window.top) * row_stride +
                  window.left * args.channels + place.channel;
  float best[8];
  unsigned index[8];
#pragma unroll
  for (int i = 0; i < 8; ++i) best[i] = -INFINITY, index[i] = window.first;
  for (int ky = window.y0; ky < window.y1; ++ky) {
    for (int kx = window.x0; kx < window.x1; ++kx) {
      const Eight<T> values = load8<kAligned>(x + ky * row_stride + kx * args.channels, place.count);
      const unsigned at = static_cast<unsigned>(ky * args.kernel[1] + kx);
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        const float v = values[i];
        if (beats(v, best[i])) best[i] = v, index[i] = at;
      }
    }
  }
  const int64_t at = (place.row * args.out_width + place.column) * args.channels + place.channel;
  store8<kAligned>(static_cast<T*>(args.y) + at, best, place.count);
  if (args.index != nullptr) store_index<kAligned>(args.index + at, index, place.count);
}

template <class T, bool kAligned>
__global__ void __launch_bounds__(kThreads) max_pool_backward_kernel(const __grid_constant__ MaxPoolArgs args) {
  const PoolPlace place(args.channels);
  if (place.column >= args.width) return;
  const InputReaders readers(args, place.row, place.column);
  float sums[8] = {};
  for (int oy = readers.y0; oy < readers.y1; ++oy) {
    for (int ox = readers.x0; ox < readers.x1; ++ox) {
      const int64_t at = ((readers.image * args.out_height + oy) * args.out_width + ox) * args.channels + place.channel;
      const Eight<T> gradient = load8<kAligned>(static_cast<const T*>(args.gradient) + at, place.count);
      const unsigned mine = readers.place(args, oy, ox);
      const uint8_t* index = args.index + at;
      uint2 words{};
      if constexpr (kAligned) words = *reinterpret_cast<const uint2*>(index);
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        unsigned chosen = (i < 4 ? words.x : words.y) >> (8 * (i % 4)) & 0xFFu;
        if constexpr (!kAligned) chosen = i < place.count ? index[i] : 256u;
        if (chosen == mine) sums[i] += gradient[i];
      }
    }
  }
  const int64_t at = (place.row * args.width + place.column) * args.channels + place.channel;
  store8<kAligned>(static_cast<T*>(args.dx) + at, sums, place.count);
}

template <class T, bool kAligned>
__global__ void __launch_bounds__(kThreads) mean_pool_kernel(const __grid_constant__ MeanPoolArgs args) {
  const PoolPlace place(args.channels);
  if (place.column > 0) return;
  const auto* x = static_cast<const T*>(args.x) + place.row * args.pixels * args.channels + place.channel;
  float sums[8] = {};
#pragma unroll 8
  for (int64_t p = 0; p < args.pixels; ++p) {
    const Eight<T> values = load8<kAligned>(x + p * args.channels, place.count);
#pragma unroll
    for (int i = 0; i < 8; ++i) sums[i] += values[i];
  }
  const float share = 1.0f / static_cast<float>(args.pixels);
#pragma unroll
  for (int i = 0; i < 8; ++i) sums[i] *= share;
  store8<kAligned>(static_cast<T*>(args.y) + int64_t{place.row} * args.channels + place.channel, sums, place.count);
}

template <class T, bool kAligned>
__global__ void __launch_bounds__(kThreads) mean_pool_backward_kernel(const __grid_constant__ MeanPoolArgs args) {
  const PoolPlace place(args.channels);
  if (place.column >= args.pixels) return;
  const Eight<T> gradient = load8<kAligned>(
      static_cast<const T*>(args.gradient) + int64_t{place.row} * args.channels + place.channel, place.count);
  const float share = 1.0f / static_cast<float>(args.pixels);
  float dx[8];
#pragma unroll
  for (int i = 0; i < 8; ++i) dx[i] = gradient[i] * share;
  const int64_t at = (place.row * args.pixels + place.column) * args.channels + place.channel;
  store8<kAligned>(static_cast<T*>(args.dx) + at, dx, place.count);
}

// One launch of kernel<T, aligned> over rows of `width` pixels.
#define QAT_LAUNCH(kernel, rows, width)                                                  \
  do {                                                                                   \
    if ((rows) == 0 || (width) == 0 || args.channels == 0) return;                       \
    for_type(args.type, [&]<class T>() {                                                 \
      const auto chosen = args.channels % 8 == 0 ? kernel<T, true> : kernel<T, false>;   \
      chosen<<<blocks_for((rows), (width), args.channels), kThreads, 0, stream>>>(args); \
    });                                                                                  \
    check_launch(#kernel);                                                               \
  } while (0)

}  // namespace

void device_max_pool(const MaxPoolArgs& args, cudaStream_t stream) {
  QAT_LAUNCH(max_pool_kernel, args.n * args.out_height, args.out_width);
}
void device_max_pool_backward(const MaxPoolArgs& args, cudaStream_t stream) {
  QAT_LAUNCH(max_pool_backward_kernel, args.n * args.height, args.width);
}
void device_mean_pool(const MeanPoolArgs& args, cudaStream_t stream) { QAT_LAUNCH(mean_pool_kernel, args.n, 1); }
void device_mean_pool_backward(const MeanPoolArgs& args, cudaStream_t stream) {
  QAT_LAUNCH(mean_pool_backward_kernel, args.n, args.pixels);
}

}  // namespace qat::train::cuda
