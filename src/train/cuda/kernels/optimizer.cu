// One launch over all parameters: finite check, SGD, AdamW, moving averages; see tensors.h. Bound by memory.
#include "train/cuda/kernels/device.cuh"
#include "train/cuda/kernels/device_kernels.h"
#include "train/cuda/kernels/optimizer_formulas.h"

namespace qat::train::cuda {

namespace {

constexpr int kThreads = 256, kPerThread = 4;  // 16-byte accesses where the tensors allow them

__device__ bool aligned(const void* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }

// Elements of a chunk, four at a time: body(tensors' element i, count) with count 4 or, at the tensor's end, less.
template <class Body>
__device__ void for_fours(Chunk chunk, int64_t size, const Body& body) {
  const int64_t begin = chunk.part * kChunk, end = min(begin + kChunk, size);
#pragma unroll 2
  for (int64_t i = begin + threadIdx.x * kPerThread; i < end; i += kThreads * kPerThread) {
    body(i, static_cast<int>(min(static_cast<int64_t>(kPerThread), end - i)));
  }
}

struct Four {
  float v[4];
};

__device__ Four load(const float* from, int64_t i, int count) {
  Four f{};
  if (count == 4 && aligned(from)) {
    const float4 whole = *reinterpret_cast<const float4*>(from + i);
    f = {whole.x, whole.y, whole.z, whole.w};
  } else {
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      if (k < count) f.v[k] = from[i + k];
    }
  }
  return f;
}

__device__ void store(float* to, int64_t i, int count, const Four& f) {
  if (count == 4 && aligned(to)) {
    *reinterpret_cast<float4*>(to + i) = {f.v[0], f.v[1], f.v[2], f.v[3]};
  } else {
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      if (k < count) to[i + k] = f.v[k];
    }
  }
}

__device__ bool stopped(Status status) { return status.word != nullptr && *status.word != 0; }

__global__ void __launch_bounds__(kThreads) check_kernel(const OptimizerArgs args) {
  const Chunk chunk = args.chunks[blockIdx.x];
  const Parameter& p = args.parameters[chunk.tensor];
  if (p.gradient == nullptr) return;
  bool finite = true;
  for_fours(chunk, p.size, [&](int64_t i, int count) {
    const Four g = load(p.gradient, i, count);
#pragma unroll
    for (int k = 0; k < 4; ++k) finite = finite && isfinite(g.v[k]);
  });
  if (!finite) report(args.status, chunk.tensor);
}

template <bool kAdam>
__global__ void __launch_bounds__(kThreads) step_kernel(const __grid_constant__ OptimizerArgs args) {
  if (stopped(args.status)) return;
  const Chunk chunk = args.chunks[blockIdx.x];
  const Parameter p = args.parameters[chunk.tensor];
  if (p.gradient == nullptr) return;
  const StepScalars scalars = *args.scalars;
  const OptimizerStep step(args, scalars, p.decay);
  for_fours(chunk, p.size, [&](int64_t i, int count) {
    Four value = load(p.value, i, count), first{}, second{};
    const Four gradient = load(p.gradient, i, count);
    if (p.first != nullptr) first = load(p.first, i, count);
    if (kAdam) second = load(p.second, i, count);
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      if constexpr (kAdam) {
        step.adamw(value.v[k], gradient.v[k], first.v[k], second.v[k]);
      } else {
        step.sgd(value.v[k], gradient.v[k], first.v[k], p.first != nullptr);
      }
      value.v[k] = value.v[k] < p.smallest ? p.smallest : value.v[k];
    }
    store(p.value, i, count, value);
    if (p.first != nullptr) store(p.first, i, count, first);
    if (kAdam) store(p.second, i, count, second);
  });
}

__global__ void __launch_bounds__(kThreads) average_kernel(const AverageArgs args) {
  if (stopped(args.status)) return;
  const Chunk chunk = args.chunks[blockIdx.x];
  const Average tensor = args.tensors[chunk.tensor];
  const float share = 1.0f - args.scalars->average_keep;
  for_fours(chunk, tensor.size, [&](int64_t i, int count) {
    Four average = load(tensor.average, i, count);
    const Four value = load(tensor.value, i, count);
#pragma unroll
    for (int k = 0; k < 4; ++k) average.v[k] += share * (value.v[k] - average.v[k]);
    store(tensor.average, i, count, average);
  });
}

template <class Args>
void launch(void (*kernel)(Args), const Args& args, cudaStream_t stream, const char* name) {
  if (args.chunk_count == 0) return;
  kernel<<<static_cast<unsigned>(args.chunk_count), kThreads, 0, stream>>>(args);
  check_launch(name);
}

}  // namespace

void device_check_finite(const OptimizerArgs& args, cudaStream_t stream) {
  launch(check_kernel, args, stream, "check_finite");
}
void device_sgd(const OptimizerArgs& args, cudaStream_t stream) { launch(step_kernel<false>, args, stream, "sgd"); }
void device_adamw(const OptimizerArgs& args, cudaStream_t stream) { launch(step_kernel<true>, args, stream, "adamw"); }
void device_average(const AverageArgs& args, cudaStream_t stream) { launch(average_kernel, args, stream, "average"); }

}  // namespace qat::train::cuda
