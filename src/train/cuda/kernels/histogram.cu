// The streaming histogram on the device: the largest value first, then counts in shared memory; see batch.h.
#include <cmath>

#include "train/cuda/kernels/device.cuh"
#include "train/cuda/kernels/device_kernels.h"

namespace qat::train::cuda {

namespace {

constexpr int kThreads = 512, kBins = HistogramState::kBins;
constexpr int kBinBits = 12;

template <class T, class Body>
__device__ void for_values(const HistogramArgs& args, const Body& body) {
  const auto* x = static_cast<const T*>(args.x);
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads, eights = args.size / 8;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  for (int64_t k = first; k < eights; k += stride) {
    const Eight<T> values = load8<true>(x + 8 * k, 8);
#pragma unroll
    for (int i = 0; i < 8; ++i) body(values[i]);
  }
  if (first < args.size % 8) body(static_cast<float>(x[8 * eights + first]));
}

__device__ unsigned block_sum(unsigned v) {
  __shared__ unsigned sum;
  __syncthreads();
  if (threadIdx.x == 0) sum = 0;
  __syncthreads();
  v = __reduce_add_sync(0xFFFFFFFFu, v);
  if (threadIdx.x % 32 == 0) atomicAdd(&sum, v);
  __syncthreads();
  return sum;
}

// First pass: the largest finite |x|, and what is counted apart from bins.
template <class T>
__global__ void __launch_bounds__(kThreads) scan_kernel(const HistogramArgs args) {
  unsigned largest = 0, zeros = 0, not_finite = 0, negative = 0;
  for_values<T>(args, [&](float v) {
    const unsigned bits = __float_as_uint(v), magnitude = bits & 0x7FFFFFFFu;
    const bool finite = magnitude < 0x7F800000u;
    largest = max(largest, finite ? magnitude : 0u);
    zeros += magnitude == 0;
    not_finite += !finite;
    negative |= finite && magnitude != 0 ? bits >> 31 : 0u;
  });
  zeros = block_sum(zeros), not_finite = block_sum(not_finite);
  largest = __reduce_max_sync(0xFFFFFFFFu, largest), negative = __reduce_or_sync(0xFFFFFFFFu, negative);
  HistogramState& h = *args.histogram;
  if (threadIdx.x % 32 == 0 && largest > 0) atomicMax(&h.batch_max, largest);
  if (threadIdx.x % 32 == 0 && negative != 0) atomicOr(&h.negative, 1u);
  if (threadIdx.x == 0) {
    atomicAdd(&h.zeros, zeros);
    atomicAdd(&h.not_finite, not_finite);
    if (blockIdx.x == 0) atomicAdd(&h.total, args.size);
    atomicAdd(&h.total, -static_cast<unsigned long long>(not_finite));
  }
}

// The width that holds the new largest value, max < 2^k gives 2^(k - 12); neighbours merge.
__global__ void __launch_bounds__(kThreads) grow_kernel(HistogramState* histogram) {
  HistogramState& h = *histogram;
  const float largest = fmaxf(h.max, __uint_as_float(h.batch_max));
  int k = 0;
  frexpf(largest, &k);
  const int exponent = max(k - kBinBits - HistogramState::kMinExponent, h.exponent);
  const int shift = largest == 0.0f ? 0 : min(exponent - h.exponent, 31);
  unsigned long long merged[kBins / kThreads] = {};
#pragma unroll
  for (int b = 0; b < kBins / kThreads; ++b) {
    const int64_t bin = static_cast<int64_t>(threadIdx.x) + b * kThreads;
    const int64_t end = min((bin + 1) << shift, static_cast<int64_t>(kBins));
    for (int64_t i = bin << shift; i < end; ++i) merged[b] += h.counts[i];
  }
  __syncthreads();  // all have read
  if (threadIdx.x == 0) h.batch_max = 0, h.max = largest;
  if (shift == 0) return;
  if (threadIdx.x == 0) h.exponent = exponent;
#pragma unroll
  for (int b = 0; b < kBins / kThreads; ++b) h.counts[threadIdx.x + b * kThreads] = merged[b];
}

// Second pass. Zeros, half of what follows a ReLU, would all wait for one counter: they are counted in registers.
template <class T>
__global__ void __launch_bounds__(kThreads) count_kernel(const HistogramArgs args) {
  __shared__ unsigned counts[kBins];
  for (int i = static_cast<int>(threadIdx.x); i < kBins; i += kThreads) counts[i] = 0;
  __syncthreads();
  HistogramState& h = *args.histogram;
  const float scale = ldexpf(1.0f, -(h.exponent + HistogramState::kMinExponent));
  unsigned in_first = 0;
  for_values<T>(args, [&](float v) {
    const float magnitude = fabsf(v);
    if (!(magnitude < INFINITY)) return;
    const int bin = static_cast<int>(magnitude * scale);
    bin == 0 ? static_cast<void>(++in_first) : static_cast<void>(atomicAdd(&counts[bin], 1u));
  });
  in_first = __reduce_add_sync(0xFFFFFFFFu, in_first);
  if (threadIdx.x % 32 == 0 && in_first != 0) atomicAdd(&counts[0], in_first);
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < kBins; i += kThreads) {
    if (counts[i] != 0) atomicAdd(&h.counts[i], static_cast<unsigned long long>(counts[i]));
  }
}

}  // namespace

void device_add_to_histogram(const HistogramArgs& args, cudaStream_t stream) {
  if (args.size == 0) return;
  // Three blocks of 16 KiB counters on each of 132 processors; a counter holds what a block sees below 2^32.
  const auto blocks = static_cast<unsigned>(std::clamp<int64_t>(args.size / (16 * kThreads), 1, 396));
  for_type(args.type, [&]<class T>() {
    scan_kernel<T><<<blocks, kThreads, 0, stream>>>(args);
    grow_kernel<<<1, kThreads, 0, stream>>>(args.histogram);
    count_kernel<T><<<blocks, kThreads, 0, stream>>>(args);
  });
  check_launch("add_to_histogram");
}

}  // namespace qat::train::cuda
