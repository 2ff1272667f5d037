// Backward of a chain on the device: sums per channel, then the input's gradient, a pass each; see kernels.h.
#include "train/cuda/kernels/channel_sums.cuh"
#include "train/cuda/kernels/device_kernels.h"
#include "train/cuda/kernels/norm_factors.h"
#include "train/cuda/kernels/quantizer.h"
#include "train/cuda/kernels/rows.cuh"

namespace qat::train::cuda {

namespace {

// Rows of a thread that are loaded at once, two or three times 16 bytes each: 512 threads on a processor reduce, 768
// apply.
template <class T>
constexpr int kReduceRows = sizeof(T) == 4 ? 2 : 4;
constexpr int kApplyRows = 2;

enum class Gradient { kOne, kStored, kSum };  // as it is; and written; the sum of two, written

enum class LearnedRange { kNo, kYes, kSkipOfIntegers };

template <class T_, bool kAligned_, Gradient kGradient_, LearnedRange kRange_>
struct Parts {
  using T = T_;
  static constexpr bool kAligned = kAligned_, kRange = kRange_ != LearnedRange::kNo,
                        kIntegers = kRange_ == LearnedRange::kSkipOfIntegers;
  static constexpr Gradient kGradient = kGradient_;
};

template <class T>
struct Loaded {
  Eight<T> gradient, gradient2, x, skip;
  uint2 skip_q;
  unsigned mask = 0xFF;
};

template <bool kAligned>
__device__ uint2 integers8(const int8_t* from, int count) {
  if constexpr (kAligned) return *reinterpret_cast<const uint2*>(from);
  unsigned words[2] = {0, 0};
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    if (i < count) words[i / 4] |= static_cast<unsigned>(static_cast<uint8_t>(from[i])) << (8 * (i % 4));
  }
  return {words[0], words[1]};
}

// The integer i of eight; i is a constant after unrolling.
__device__ inline float integer(uint2 eight, int i) {
  return static_cast<float>(static_cast<int8_t>((i < 4 ? eight.x : eight.y) >> (8 * (i % 4))));
}

// Where a pair of gradients is read, their sum rounded to the tensor's type.
template <class T>
__device__ float gradient_of(const Loaded<T>& in, int i, bool two) {
  return two ? rounded<T>(in.gradient[i] + in.gradient2[i]) : in.gradient[i];
}

template <class P>
struct Reduce {
  using T = typename P::T;
  const BackwardReduceArgs& args;
  const SumPlace& place;
  const bool two, store;
  float mean[8], a[8], b[8];
  float skip_step = 1;  // of integers
  float sums[P::kRange ? 17 : 16] = {};

  __device__ Reduce(const BackwardReduceArgs& args_, const SumPlace& place_)
      : args(args_),
        place(place_),
        two(P::kRange ? args.gradient2 != nullptr : P::kGradient == Gradient::kSum),
        store(P::kRange ? args.masked != nullptr : P::kGradient != Gradient::kOne) {
    load_channels(args.mean, place.channel, place.count, 0.0f, mean);
    if constexpr (P::kRange) {
      load_channels(args.a, place.channel, place.count, 1.0f, a);
      load_channels(args.b, place.channel, place.count, -0.0f, b);
    }
    if constexpr (P::kIntegers) skip_step = scale_of(args.skip_range);
  }

  __device__ Loaded<T> load(int64_t at, int64_t mask_at) const {
    const auto of = [&](const void* tensor) {
      return load8<P::kAligned>(static_cast<const T*>(tensor) + at, place.count);
    };
    Loaded<T> in;
    in.gradient = of(args.gradient);
    if (two) in.gradient2 = of(args.gradient2);
    in.x = of(args.x);
    if constexpr (P::kIntegers) {
      in.skip_q = integers8<P::kAligned>(args.skip_q + at, place.count);
    } else if constexpr (P::kRange) {
      if (args.skip != nullptr) in.skip = of(args.skip);
    }
    if (args.mask != nullptr) in.mask = args.mask[mask_at];
    return in;
  }

  __device__ void add(const Loaded<T>& in, const Quantizer& quant, int64_t at) {
    float g[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const float whole = gradient_of(in, i, two);
      g[i] = (in.mask >> i & 1) != 0 ? whole : 0.0f;
      sums[i] += g[i];
      sums[8 + i] = fmaf(g[i], in.x[i] - mean[i], sums[8 + i]);
      if constexpr (P::kRange) {
        float v = fmaf(in.x[i], a[i], b[i]);
        if constexpr (P::kIntegers) {
          v = fmaf(rounded<T>(integer(in.skip_q, i) * skip_step), args.skip_scale, v);
        } else if (args.skip != nullptr) {
          v = fmaf(in.skip[i], args.skip_scale, v);
        }
        v = fminf(fmaxf(v, args.clip_lo), args.clip_hi);
        if (P::kAligned || i < place.count) sums[16] = fmaf(whole, quant.slope(v, args.range), sums[16]);
      }
    }
    if (store) store8<P::kAligned>(static_cast<T*>(args.masked) + at, g, place.count);
  }
};

// The tiles' sums of the range's gradient, added in order by the last tile to finish.
__device__ void finish_range(const BackwardReduceArgs& args, const SumPlace& place, int64_t tiles,
                             const double* totals) {
  const Workspace space(args.workspace);
  double* of_tiles = space.parts + gridDim.x * 17 * kTileLanes;
  if (threadIdx.x == 0) {
    double sum = 0;
    for (int lane = 0; lane < place.lanes; ++lane) sum += totals[16 * kTileLanes + lane];
    of_tiles[place.tile] = sum;
  }
  if (!last_block(space.counters, static_cast<unsigned>(tiles)) || threadIdx.x != 0) return;
  double sum = 0;
  for (int64_t t = 0; t < tiles; ++t) sum += __ldcg(of_tiles + t);
  *args.range_gradient = static_cast<float>(args.range_factor * sum);
  if (!is_finite(sum)) report(args.status, 0);
}

template <class P>
__global__ void __launch_bounds__(kSumThreads, 1)
    reduce_kernel(const __grid_constant__ BackwardReduceArgs args, int64_t tiles) {
  constexpr int kUnroll = P::kRange ? 2 : kReduceRows<typename P::T>;
  const SumPlace place(args.channels, tiles);
  Quantizer quant{};
  if constexpr (P::kRange) quant = Quantizer::make(args.range, -INFINITY, INFINITY);
  Reduce<P> reduce(args, place);
  if (place.count > 0) {
    const int64_t stride = place.step * args.channels, mask_stride = place.step * mask_pitch(args.channels);
    int64_t at = place.row * args.channels + place.channel;
    int64_t mask_at = place.row * mask_pitch(args.channels) + place.channel / 8;
    for (int64_t row = place.row; row < args.rows; row += kUnroll * place.step) {
      Loaded<typename P::T> in[kUnroll];
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) {
        if (row + u * place.step < args.rows) in[u] = reduce.load(at + u * stride, mask_at + u * mask_stride);
      }
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) {
        if (row + u * place.step < args.rows) reduce.add(in[u], quant, at + u * stride);
      }
      at += kUnroll * stride, mask_at += kUnroll * mask_stride;
    }
  }
  constexpr int kWidth = P::kRange ? 17 : 16;
  __shared__ double totals[kWidth * kTileLanes];
  if (!add_channels<kWidth>(reduce.sums, place, tiles, args.workspace, totals)) return;
  const int64_t channel = place.tile * kTileChannels + threadIdx.x;
  if (args.mean != nullptr && threadIdx.x < kTileChannels && channel < args.channels) {
    const int lane = static_cast<int>(threadIdx.x) / 8, i = static_cast<int>(threadIdx.x) % 8;
    const double sum = totals[i * kTileLanes + lane], sum_x = totals[(8 + i) * kTileLanes + lane];
    if (!finish_backward(args, channel, sum, sum_x)) report(args.status, 0);
  }
  if constexpr (P::kRange) finish_range(args, place, tiles, totals);
}

template <class P>
void reduce(const BackwardReduceArgs& args, cudaStream_t stream) {
  const SumGrid grid(args.rows, args.channels);
  reduce_kernel<P><<<static_cast<unsigned>(grid.tiles * grid.parts), kSumThreads, 0, stream>>>(args, grid.tiles);
}

template <class T, bool kAligned>
void reduce(const BackwardReduceArgs& args, cudaStream_t stream) {
  if (args.range_gradient != nullptr && args.skip_q != nullptr) {
    reduce<Parts<T, kAligned, Gradient::kOne, LearnedRange::kSkipOfIntegers>>(args, stream);
  } else if (args.range_gradient != nullptr) {
    reduce<Parts<T, kAligned, Gradient::kOne, LearnedRange::kYes>>(args, stream);
  } else if (args.gradient2 != nullptr) {
    reduce<Parts<T, kAligned, Gradient::kSum, LearnedRange::kNo>>(args, stream);
  } else if (args.masked != nullptr) {
    reduce<Parts<T, kAligned, Gradient::kStored, LearnedRange::kNo>>(args, stream);
  } else {
    reduce<Parts<T, kAligned, Gradient::kOne, LearnedRange::kNo>>(args, stream);
  }
}

template <class T, bool kAligned, bool kX>
__global__ void __launch_bounds__(kRowThreads, 3)
    apply_kernel(const __grid_constant__ BackwardApplyArgs args, int lanes, int rows) {
  const RowPlace place(args.channels, lanes, rows);
  float ca[8], cb[8], cc[8];
  load_channels(args.ca, place.channel, place.count, 1.0f, ca);
  load_channels(args.cb, place.channel, place.count, 0.0f, cb);
  load_channels(args.cc, place.channel, place.count, 0.0f, cc);
  const int64_t stride = place.step * args.channels, mask_stride = place.step * mask_pitch(args.channels);
  int64_t at = place.row * args.channels + place.channel;
  int64_t mask_at = place.row * mask_pitch(args.channels) + place.channel / 8;
  int64_t left = place.count > 0 ? (args.rows - place.row + place.step - 1) / place.step : 0;  // rows of this thread
  const bool two = args.gradient2 != nullptr;
  const auto of = [&](const void* tensor, int64_t from) {
    return load8<kAligned>(static_cast<const T*>(tensor) + from, place.count);
  };
  for (; left > 0; left -= kApplyRows) {
    Loaded<T> in[kApplyRows];
#pragma unroll
    for (int u = 0; u < kApplyRows; ++u) {
      if (u >= left) break;
      in[u].gradient = of(args.gradient, at + u * stride);
      if (two) in[u].gradient2 = of(args.gradient2, at + u * stride);
      if constexpr (kX) in[u].x = of(args.x, at + u * stride);
      if (args.mask != nullptr) in[u].mask = args.mask[mask_at + u * mask_stride];
    }
#pragma unroll
    for (int u = 0; u < kApplyRows; ++u) {
      if (u >= left) break;
      float dx[8];
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        const float g = (in[u].mask >> i & 1) != 0 ? gradient_of(in[u], i, two) : 0.0f;
        dx[i] = kX ? fmaf(g, ca[i], fmaf(in[u].x[i], cb[i], cc[i])) : g * ca[i];
      }
      store8<kAligned>(static_cast<T*>(args.dx) + at, dx, place.count);
      at += stride, mask_at += mask_stride;
    }
  }
}

template <class T, bool kAligned>
void apply(const BackwardApplyArgs& args, cudaStream_t stream) {
  const RowGrid grid(args.rows, args.channels, kApplyRows);
  const auto kernel = args.x != nullptr ? apply_kernel<T, kAligned, true> : apply_kernel<T, kAligned, false>;
  kernel<<<grid.blocks, grid.threads(), 0, stream>>>(args, grid.lanes, grid.rows);
}

}  // namespace

void device_backward_reduce(const BackwardReduceArgs& args, cudaStream_t stream) {
  if (args.rows == 0 || args.channels == 0) return;
  if (args.mean == nullptr && args.range_gradient == nullptr) {  // nothing to add: a masked copy
    device_backward_apply({.rows = args.rows,
                           .channels = args.channels,
                           .type = args.type,
                           .gradient = args.gradient,
                           .gradient2 = args.gradient2,
                           .mask = args.mask,
                           .dx = args.masked},
                          stream);
    return;
  }
  for_type(args.type,
           [&]<class T>() { args.channels % 8 == 0 ? reduce<T, true>(args, stream) : reduce<T, false>(args, stream); });
  check_launch("backward_reduce");
}

void device_backward_apply(const BackwardApplyArgs& args, cudaStream_t stream) {
  if (args.rows == 0 || args.channels == 0) return;
  for_type(args.type,
           [&]<class T>() { args.channels % 8 == 0 ? apply<T, true>(args, stream) : apply<T, false>(args, stream); });
  check_launch("backward_apply");
}

}  // namespace qat::train::cuda
