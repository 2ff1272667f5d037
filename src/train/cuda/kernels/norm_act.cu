// norm_act on the device: bound by memory at about 17 operations a value; see kernels.h.
#include "train/cuda/kernels/device_kernels.h"
#include "train/cuda/kernels/quantizer.h"
#include "train/cuda/kernels/rows.cuh"

namespace qat::train::cuda {

namespace {

// What is present is a template parameter, so that the loop over rows has few branches.
template <class T, bool kAligned_, bool kSkip_, bool kQuant_>
struct Parts {
  using Value = T;
  static constexpr bool kAligned = kAligned_, kSkip = kSkip_, kQuant = kQuant_;
  static constexpr int kUnroll = kSkip || sizeof(T) == 4 ? 2 : 4;  // 64 bytes in flight a thread
};

__device__ float max_with_nan(float a, float b) {
  float r;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
  return r;
}
__device__ float min_with_nan(float a, float b) {
  float r;
  asm("min.NaN.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
  return r;
}

// Largest and smallest v before the clip: clipping keeps the order, so their clipped magnitudes bound all others.
struct Extent {
  float largest = -INFINITY, smallest = INFINITY;
  __device__ void add(float v) { largest = fmaxf(largest, v), smallest = fminf(smallest, v); }
};

template <class P>
struct Pass {
  using T = typename P::Value;
  const NormActArgs& args;
  const Quantizer& quant;
  float a[8], b[8];
  Extent extent;

  // Eight channels of one row; `at` counts elements, `mask_at` bytes.
  __device__ void run(const Eight<T>& x, const Eight<T>& skip, int64_t at, int64_t mask_at, int count) {
    float y[8];
    unsigned bits = 0, q[2] = {0, 0};
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      float v = fmaf(x[i], a[i], b[i]);
      if constexpr (P::kSkip) v = fmaf(skip[i], args.skip_scale, v);
      if (P::kAligned || i < count) extent.add(v);
      if (quant.passes(v)) bits |= 1u << i;
      if constexpr (P::kQuant) {
        const float biased = quant.divided(quant.clamped(v)) + Quantizer::kRound;
        q[i / 4] |= (__float_as_uint(biased) & 0xFFu) << (8 * (i % 4));
        y[i] = (biased - Quantizer::kRound) * quant.scale;
      } else {
        y[i] = min_with_nan(max_with_nan(v, quant.clamp_lo), quant.clamp_hi);
      }
    }
    if (args.y != nullptr) store8<P::kAligned>(static_cast<T*>(args.y) + at, y, count);
    if (args.mask != nullptr) {
      args.mask[mask_at] = static_cast<uint8_t>(P::kAligned ? bits : bits & ((1u << count) - 1));
    }
    if (P::kQuant && args.q != nullptr) store(q, at, count);
  }

  __device__ void store(const unsigned (&q)[2], int64_t at, int count) const {
    if constexpr (P::kAligned) {
      *reinterpret_cast<uint2*>(args.q + at) = {q[0], q[1]};
    } else {
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        if (i < count) args.q[at + i] = static_cast<int8_t>(q[i / 4] >> (8 * (i % 4)));
      }
    }
  }
};

// What a block shares, made by one thread: the quantizer's bounds take a few true divisions.
struct Shared {
  Quantizer quant;
  unsigned peak;  // magnitudes are ordered as their bits
};

__device__ void raise_peak(unsigned* block_peak, const Extent& extent, const NormActArgs& args) {
  float magnitude = 0;
  if (extent.largest >= extent.smallest) {
    const float high = fminf(fmaxf(extent.largest, args.clip_lo), args.clip_hi);
    const float low = fminf(fmaxf(extent.smallest, args.clip_lo), args.clip_hi);
    magnitude = fmaxf(fabsf(high), fabsf(low));
  }
  const unsigned bits = __reduce_max_sync(__activemask(), __float_as_uint(magnitude));
  if (threadIdx.x % 32 == 0) atomicMax(block_peak, bits);
  __syncthreads();
  if (threadIdx.x == 0) atomicMax(reinterpret_cast<unsigned*>(args.peak), *block_peak);
}

template <class P>
__global__ void __launch_bounds__(kRowThreads, 3)
    norm_act_kernel(const __grid_constant__ NormActArgs args, int lanes, int rows) {
  using T = typename P::Value;
  constexpr int kUnroll = P::kUnroll;
  __shared__ Shared shared;
  if (threadIdx.x == 0) shared = {Quantizer::make(args.range, args.clip_lo, args.clip_hi), 0};
  __syncthreads();
  const Quantizer quant = shared.quant;
  const RowPlace place(args.channels, lanes, rows);
  Pass<P> pass{args, quant, {}, {}, {}};
  // Absent factors: fma(x, 1, -0) is x, -0 included.
  load_channels(args.a, place.channel, place.count, 1.0f, pass.a);
  load_channels(args.b, place.channel, place.count, -0.0f, pass.b);
  const auto* x = static_cast<const T*>(args.x);
  const auto* skip = static_cast<const T*>(args.skip);
  const int64_t stride = place.step * args.channels, mask_stride = place.step * mask_pitch(args.channels);
  int64_t at = place.row * args.channels + place.channel;
  int64_t mask_at = place.row * mask_pitch(args.channels) + place.channel / 8;
  int64_t left = place.count > 0 ? (args.rows - place.row + place.step - 1) / place.step : 0;  // rows of this thread
  for (; left > 0; left -= kUnroll) {
    Eight<T> values[kUnroll], skips[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      if (u >= left) break;
      values[u] = load8<P::kAligned>(x + at + u * stride, place.count);
      if constexpr (P::kSkip) skips[u] = load8<P::kAligned>(skip + at + u * stride, place.count);
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      if (u >= left) break;
      pass.run(values[u], skips[u], at, mask_at, place.count);
      at += stride, mask_at += mask_stride;
    }
  }
  if (args.peak != nullptr) raise_peak(&shared.peak, pass.extent, args);
}

template <class P>
void run(const NormActArgs& args, cudaStream_t stream) {
  const RowGrid grid(args.rows, args.channels, P::kUnroll);
  norm_act_kernel<P><<<grid.blocks, grid.threads(), 0, stream>>>(args, grid.lanes, grid.rows);
}

template <class T, bool... kDone, class... Rest>
void launch(const NormActArgs& args, cudaStream_t stream, bool head, Rest... rest) {
  if constexpr (sizeof...(Rest) > 0) {
    head ? launch<T, kDone..., true>(args, stream, rest...) : launch<T, kDone..., false>(args, stream, rest...);
  } else if (head) {
    run<Parts<T, kDone..., true>>(args, stream);
  } else {
    run<Parts<T, kDone..., false>>(args, stream);
  }
}

__global__ void dequantize_kernel(const DequantizeArgs args) {
  const float scale = scale_of(args.range);
  const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
  const int64_t eights = args.size / 8;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const auto value = [&](int64_t i) { return static_cast<float>(args.q[i]) * scale; };
  for (int64_t k = first; k < eights; k += stride) {
    const uint2 raw = reinterpret_cast<const uint2*>(args.q)[k];
    const auto* q = reinterpret_cast<const int8_t*>(&raw);
    float y[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) y[i] = static_cast<float>(q[i]) * scale;
    args.type == Type::kBF16 ? store8<true>(static_cast<bf16*>(args.y) + 8 * k, y, 8)
                             : store8<true>(static_cast<float*>(args.y) + 8 * k, y, 8);
  }
  if (first < args.size % 8) {
    const int64_t i = 8 * eights + first;
    args.type == Type::kBF16 ? static_cast<void>(static_cast<bf16*>(args.y)[i] = __float2bfloat16_rn(value(i)))
                             : static_cast<void>(static_cast<float*>(args.y)[i] = value(i));
  }
}

__global__ void move_ranges_kernel(const MoveRangesArgs args) {
  for (int64_t i = threadIdx.x; i < args.count; i += blockDim.x) {
    float& range = *args.ranges[i];
    const float seen = range_of_peak(args.peaks[i], args.units[i]);
    range = range == 0.0f ? seen : range + args.momentum * (seen - range);
    if (!isfinite(range)) report(args.status, static_cast<int>(i));
    args.peaks[i] = 0.0f;
  }
}

}  // namespace

void device_norm_act(const NormActArgs& args, cudaStream_t stream) {
  if (args.rows == 0 || args.channels == 0) return;
  for_type(args.type, [&]<class T>() {
    launch<T>(args, stream, args.channels % 8 == 0, args.skip != nullptr, args.range.value != nullptr);
  });
  check_launch("norm_act");
}

void device_dequantize(const DequantizeArgs& args, cudaStream_t stream) {
  if (args.size == 0) return;
  const int64_t blocks = std::clamp<int64_t>(args.size / (8 * 256), 1, 1056);
  dequantize_kernel<<<static_cast<unsigned>(blocks), 256, 0, stream>>>(args);
  check_launch("dequantize");
}

void device_move_ranges(const MoveRangesArgs& args, cudaStream_t stream) {
  if (args.count == 0) return;
  move_ranges_kernel<<<1, 256, 0, stream>>>(args);
  check_launch("move_ranges");
}

}  // namespace qat::train::cuda
