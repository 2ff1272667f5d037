// Pixels to a network's input on the device: gather, crop, flip, normalize in one pass; see batch.h.
#include "train/cuda/kernels/augment.h"
#include "train/cuda/kernels/device.cuh"
#include "train/cuda/kernels/device_kernels.h"

namespace qat::train::cuda {

namespace {

constexpr int kThreads = 256;

// Four channels of a pixel in one store.
__device__ void store4(bf16* to, const float (&v)[4]) {
  *reinterpret_cast<uint2*>(to) = {pack(v[0], v[1]), pack(v[2], v[3])};
}
__device__ void store4(float* to, const float (&v)[4]) { *reinterpret_cast<float4*>(to) = {v[0], v[1], v[2], v[3]}; }

// A block takes pixels of one image; y: which image. kFours: out_channels % 4 == 0.
template <class T, bool kFours>
__global__ void __launch_bounds__(kThreads) batch_kernel(const __grid_constant__ BatchArgs args) {
  extern __shared__ float table[];  // [channels][256]
  __shared__ Augmentation shared;
  const int64_t n = blockIdx.y;
  for (int i = static_cast<int>(threadIdx.x); i < args.channels * 256; i += kThreads) table[i] = args.table[i];
  if (threadIdx.x == 0) shared = augmentation_of(args, n);
  __syncthreads();
  const Augmentation window = shared;
  const int64_t image = args.source == nullptr ? n : args.source[n];
  const int channels = static_cast<int>(args.channels), out_channels = static_cast<int>(args.out_channels);
  const int width = static_cast<int>(args.out_width), pixels = static_cast<int>(args.out_height) * width;
  const uint8_t* from = args.images + image * args.height * args.width * channels;
  T* to = static_cast<T*>(args.y) + n * pixels * out_channels;
  for (int p = static_cast<int>(blockIdx.x * kThreads + threadIdx.x); p < pixels; p += gridDim.x * kThreads) {
    const int column = p % width;
    const int64_t y = p / width + window.top, x = (window.flip ? width - 1 - column : column) + window.left;
    const bool inside = y >= 0 && y < args.height && x >= 0 && x < args.width;
    const uint8_t* pixel = from + (y * args.width + x) * channels;
    const auto value = [&](int c) { return c < channels ? table[c * 256 + (inside ? pixel[c] : 0)] : 0.0f; };
    T* at = to + static_cast<int64_t>(p) * out_channels;
    if constexpr (kFours) {
      for (int c = 0; c < out_channels; c += 4) {
        const float v[4] = {value(c), value(c + 1), value(c + 2), value(c + 3)};
        store4(at + c, v);
      }
    } else {
      for (int c = 0; c < out_channels; ++c) at[c] = static_cast<T>(value(c));
    }
  }
}

}  // namespace

void device_make_batch(const BatchArgs& args, cudaStream_t stream) {
  const int64_t pixels = args.out_height * args.out_width;
  if (args.n == 0 || pixels == 0) return;
  const size_t table = static_cast<size_t>(args.channels) * 256 * sizeof(float);
  if (table > 48 * 1024) fail(Code::kUsage, "[make_batch] expected at most 48 channels, got ", args.channels);
  // Eight pixels a thread or more: the table is read once a block.
  const dim3 blocks(static_cast<unsigned>(std::max<int64_t>(1, pixels / (8 * kThreads))),
                    static_cast<unsigned>(args.n));
  for_type(args.type, [&]<class T>() {
    const auto kernel = args.out_channels % 4 == 0 ? batch_kernel<T, true> : batch_kernel<T, false>;
    kernel<<<blocks, kThreads, table, stream>>>(args);
  });
  check_launch("make_batch");
}

}  // namespace qat::train::cuda
