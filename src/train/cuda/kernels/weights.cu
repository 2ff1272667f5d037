// All weights of a network in one launch, forward and backward; see tensors.h. A slice is a block's or a warp's.
#include "train/cuda/kernels/device.cuh"
#include "train/cuda/kernels/device_kernels.h"
#include "train/cuda/kernels/quantizer.h"
#include "train/cuda/kernels/weight_layout.h"

namespace qat::train::cuda {

namespace {

// The threads that share a slice: a warp or the block.
struct Team {
  bool block;
  int rank, size;

  // Combines the team's values, in every thread: butterflies within warps, then warps in order.
  template <class Value, class Combine>
  __device__ Value all(Value v, const Combine& combine) const {
    __shared__ Value warps[kWeightThreads / 32];
    for (int step = 16; step > 0; step /= 2) v = combine(v, __shfl_xor_sync(0xFFFFFFFFu, v, step));
    if (!block) return v;
    if (rank % 32 == 0) warps[rank / 32] = v;
    __syncthreads();
    v = warps[0];
    for (int w = 1; w < kWeightThreads / 32; ++w) v = combine(v, warps[w]);
    return v;
  }
};

// body(weight, slices, slice, team) for the slices of this block's chunk.
template <class Body>
__device__ void for_slices(const WeightsArgs& args, const Body& body) {
  const WeightChunk chunk = args.chunks[blockIdx.x];
  const Weight& weight = args.weights[chunk.weight];
  const Slices slices(weight);
  const int thread = static_cast<int>(threadIdx.x);
  if (slices.large()) {
    body(weight, slices, chunk.slice, Team{true, thread, kWeightThreads});
  } else if (thread / 32 < chunk.count) {
    body(weight, slices, chunk.slice + thread / 32, Team{false, thread % 32, 32});
  }
}

__device__ Range range_of(const Weight& w, const float& value) {
  return {.value = &value, .unit = w.unit, .lo = w.lo, .hi = w.hi};
}

__device__ float measured_range(const Weight& w, const Slices& slices, int slice, const Team& team) {
  float peak = 0;
#pragma unroll 4
  for (int i = team.rank; i < slices.size; i += team.size) {
    peak = fmaxf(peak, fabsf(w.master[element_place(w, slices, slice, i, true).master]));
  }
  peak = team.all(peak, [](float a, float b) { return fmaxf(a, b); });
  return range_of_peak(peak, w.unit);
}

// Copies are written in their own order, masters come through the first-level cache; gradients the other way round.
template <class T>
__global__ void __launch_bounds__(kWeightThreads) quantize_kernel(const WeightsArgs args) {
  for_slices(args, [](const Weight& w, const Slices& slices, int slice, const Team& team) {
    auto* copy = static_cast<T*>(w.copy);
    const auto write = [&](const auto& value) {
#pragma unroll 4
      for (int i = team.rank; i < slices.size; i += team.size) {
        const ElementPlace place = element_place(w, slices, slice, i, false);
        copy[place.copy] = static_cast<T>(value(w.master[place.master]));
      }
    };
    if (w.range == nullptr) {
      write([](float v) { return v; });
      return;
    }
    if (w.follow) {
      const float range = measured_range(w, slices, slice, team);
      if (team.rank == 0) w.range[slice] = range;
      const Quantizer quant = Quantizer::make(range_of(w, range), -INFINITY, INFINITY);
      write([&](float v) { return quant.quantized(v) * quant.scale; });
    } else {
      const Quantizer quant = Quantizer::make(range_of(w, w.range[slice]), -INFINITY, INFINITY);
      write([&](float v) { return quant.quantized(v) * quant.scale; });
    }
  });
}

template <class T>
__global__ void __launch_bounds__(kWeightThreads) gradients_kernel(const WeightsArgs args) {
  for_slices(args, [&](const Weight& w, const Slices& slices, int slice, const Team& team) {
    if (w.copy_gradient == nullptr) return;
    const auto* from = static_cast<const T*>(w.copy_gradient);
    const bool clamps = w.range != nullptr && !w.follow;
    Quantizer quant{};
    if (clamps) quant = Quantizer::make(range_of(w, w.range[slice]), -INFINITY, INFINITY);
    double sum = 0;
    bool finite = true;
#pragma unroll 4
    for (int i = team.rank; i < slices.size; i += team.size) {
      const ElementPlace place = element_place(w, slices, slice, i, true);
      const float g = static_cast<float>(from[place.copy]);
      finite = finite && isfinite(g);
      const float v = clamps ? w.master[place.master] : 0.0f;
      w.gradient[place.master] = !clamps || quant.passes(v) ? g : 0.0f;
      if (w.range_gradient != nullptr) sum += static_cast<double>(g * quant.slope(v, range_of(w, w.range[slice])));
    }
    if (!finite) report(args.status, static_cast<int>(&w - args.weights));
    if (w.range_gradient == nullptr) return;
    const double total = team.all(sum, [](double a, double b) { return a + b; });
    if (team.rank == 0) w.range_gradient[slice] = static_cast<float>(w.range_factor * total);
  });
}

}  // namespace

void device_quantize_weights(const WeightsArgs& args, cudaStream_t stream) {
  if (args.chunk_count == 0) return;
  for_type(args.type, [&]<class T>() {
    quantize_kernel<T><<<static_cast<unsigned>(args.chunk_count), kWeightThreads, 0, stream>>>(args);
  });
  check_launch("quantize_weights");
}

void device_weight_gradients(const WeightsArgs& args, cudaStream_t stream) {
  if (args.chunk_count == 0) return;
  for_type(args.type, [&]<class T>() {
    gradients_kernel<T><<<static_cast<unsigned>(args.chunk_count), kWeightThreads, 0, stream>>>(args);
  });
  check_launch("weight_gradients");
}

}  // namespace qat::train::cuda
