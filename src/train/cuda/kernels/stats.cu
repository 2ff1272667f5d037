// Batch statistics on the device: one pass over x, the last block of each tile of channels finishes them; see
// kernels.h.
#include "train/cuda/kernels/channel_sums.cuh"
#include "train/cuda/kernels/device_kernels.h"
#include "train/cuda/kernels/norm_factors.h"

namespace qat::train::cuda {

namespace {

template <class T, bool kAligned>
__global__ void __launch_bounds__(kSumThreads, 1) stats_kernel(const __grid_constant__ StatsArgs args, int64_t tiles) {
  constexpr int kUnroll = sizeof(T) == 4 ? 4 : 8;  // 128 bytes in flight a thread
  const SumPlace place(args.channels, tiles);
  const auto* x = static_cast<const T*>(args.x);
  float sums[16] = {}, shift[8] = {};
  if (place.count > 0) {
    const Eight<T> first = load8<kAligned>(x + place.channel, place.count);
#pragma unroll
    for (int i = 0; i < 8; ++i) shift[i] = first[i];
    const int64_t stride = place.step * args.channels;
    const T* at = x + place.row * args.channels + place.channel;
    for (int64_t row = place.row; row < args.rows; row += kUnroll * place.step, at += kUnroll * stride) {
      Eight<T> values[kUnroll];
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) {
        if (row + u * place.step < args.rows) values[u] = load8<kAligned>(at + u * stride, place.count);
      }
#pragma unroll
      for (int u = 0; u < kUnroll; ++u) {
        if (row + u * place.step >= args.rows) break;
#pragma unroll
        for (int i = 0; i < 8; ++i) {
          const float d = values[u][i] - shift[i];
          sums[i] += d;
          sums[8 + i] = fmaf(d, d, sums[8 + i]);
        }
      }
    }
  }
  __shared__ double totals[16 * kTileLanes];
  if (!add_channels<16>(sums, place, tiles, args.workspace, totals)) return;
  const int64_t channel = place.tile * kTileChannels + threadIdx.x;
  if (threadIdx.x >= kTileChannels || channel >= args.channels) return;
  const int lane = static_cast<int>(threadIdx.x) / 8, i = static_cast<int>(threadIdx.x) % 8;
  const double sum = totals[i * kTileLanes + lane], squares = totals[(8 + i) * kTileLanes + lane];
  const float shifted_by = static_cast<float>(x[channel]);
  if (args.sums != nullptr) return put_stats_sums(args, channel, sum, squares, shifted_by);
  if (!finish_stats(args, channel, sum, squares, shifted_by)) report(args.status, 0);
}

__global__ void join_stats_kernel(const __grid_constant__ StatsArgs args) {
  const int64_t c = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (c >= args.channels) return;
  if (!finish_stats(args, c, args.sums[c], args.sums[args.channels + c], 0.0f)) report(args.status, 0);
}

__global__ void join_reduce_kernel(const __grid_constant__ BackwardReduceArgs args) {
  const int64_t c = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (c < args.channels) write_slopes(args, c, args.sums[c], args.sums[args.channels + c]);
}

__global__ void frozen_stats_kernel(const FrozenStatsArgs args) {
  const int64_t c = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (c >= args.channels) return;
  write_factors(static_cast<double>(args.running_mean[c]), static_cast<double>(args.running_var[c]), args.gamma[c],
                args.beta[c], args.eps, c, args.mean, args.invstd, args.a, args.b);
}

}  // namespace

void device_stats(const StatsArgs& args, cudaStream_t stream) {
  if (args.rows == 0 || args.channels == 0) return;
  const SumGrid grid(args.rows, args.channels);
  for_type(args.type, [&]<class T>() {
    const auto kernel = args.channels % 8 == 0 ? stats_kernel<T, true> : stats_kernel<T, false>;
    kernel<<<static_cast<unsigned>(grid.tiles * grid.parts), kSumThreads, 0, stream>>>(args, grid.tiles);
  });
  check_launch("stats");
}

void device_join_stats(const StatsArgs& args, cudaStream_t stream) {
  if (args.channels == 0) return;
  join_stats_kernel<<<static_cast<unsigned>((args.channels + 127) / 128), 128, 0, stream>>>(args);
  check_launch("join_stats");
}

void device_join_reduce(const BackwardReduceArgs& args, cudaStream_t stream) {
  if (args.channels == 0) return;
  join_reduce_kernel<<<static_cast<unsigned>((args.channels + 127) / 128), 128, 0, stream>>>(args);
  check_launch("join_reduce");
}

void device_frozen_stats(const FrozenStatsArgs& args, cudaStream_t stream) {
  if (args.channels == 0) return;
  frozen_stats_kernel<<<static_cast<unsigned>((args.channels + 127) / 128), 128, 0, stream>>>(args);
  check_launch("frozen_stats");
}

}  // namespace qat::train::cuda
