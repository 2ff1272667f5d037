// Sums per channel on the device, in the order that channel_sums.h describes.
#pragma once

#include "train/cuda/kernels/channel_sums.h"
#include "train/cuda/kernels/device.cuh"
#include "train/cuda/kernels/kernels.h"

namespace qat::train::cuda {

// The workspace: counters, then the parts' sums, [part][tile][width][kTileLanes].
struct Workspace {
  unsigned* counters;
  double* parts;

  __host__ __device__ explicit Workspace(void* memory)
      : counters(static_cast<unsigned*>(memory)),
        parts(reinterpret_cast<double*>(static_cast<char*>(memory) + kCounterBytes)) {}
};

// A thread's place among the rows of a tile.
struct SumPlace {
  int lanes, lane, count;  // count: channels of this thread; 0: idle
  int64_t tile, part, channel, row, step;

  __device__ SumPlace(int64_t channels, int64_t tiles) {
    tile = blockIdx.x % tiles, part = blockIdx.x / tiles;
    lanes = lanes_of(channels, tile);
    const int rows = kSumThreads / lanes, thread = static_cast<int>(threadIdx.x);
    lane = thread % lanes;
    channel = tile * kTileChannels + lane * 8;
    count = thread < rows * lanes ? static_cast<int>(min(static_cast<int64_t>(8), channels - channel)) : 0;
    const int64_t parts = gridDim.x / tiles;
    row = part * rows + thread / lanes;
    step = parts * rows;
  }
};

// Columns [width][lanes] of `items` items each, item i of column (w, lane) at value(i, w, lane): adds them in double,
// segment by segment; totals[w * kTileLanes + lane] in shared memory, visible to the block.
template <int kWidth, class Value>
__device__ void add_columns(int lanes, int items, const Value& value, double* totals) {
  __shared__ double sums[kSumThreads];
  const int segments = segments_of(lanes, kWidth), thread = static_cast<int>(threadIdx.x);
  const int lane = thread % lanes, segment = thread / lanes % segments, w = thread / (lanes * segments);
  double sum = 0;
  if (w < kWidth) {
#pragma unroll 16
    for (int i = segment; i < items; i += segments) sum += value(i, w, lane);
  }
  sums[thread] = sum;
  __syncthreads();
  if (thread < kWidth * lanes) {
    const int column = thread / lanes, first = column * segments * lanes + thread % lanes;
    double total = sums[first];
    for (int s = 1; s < segments; ++s) total += sums[first + s * lanes];
    totals[column * kTileLanes + thread % lanes] = total;
  }
  __syncthreads();
}

// The block's threads have `values` each. In the last block of the tile: true, and totals (shared) holds the sums over
// all rows. kWidth: values a thread.
template <int kWidth>
__device__ bool add_channels(const float (&values)[kWidth], const SumPlace& place, int64_t tiles, void* workspace,
                             double* totals) {
  __shared__ float block[kWidth][kSumThreads];
  for (int w = 0; w < kWidth; ++w) block[w][threadIdx.x] = values[w];
  __syncthreads();
  const int lanes = place.lanes, rows = kSumThreads / lanes;
  add_columns<kWidth>(
      lanes, rows, [&](int i, int w, int lane) { return static_cast<double>(block[w][i * lanes + lane]); }, totals);
  const Workspace space(workspace);
  constexpr int kPart = kWidth * kTileLanes;
  if (threadIdx.x < kPart && static_cast<int>(threadIdx.x) % kTileLanes < lanes) {
    space.parts[(place.part * tiles + place.tile) * kPart + threadIdx.x] = totals[threadIdx.x];
  }
  const int parts = static_cast<int>(gridDim.x / tiles);
  if (!last_block(space.counters + 1 + place.tile, static_cast<unsigned>(parts))) return false;
  const double* of_tile = space.parts + place.tile * kPart;
  add_columns<kWidth>(
      lanes, parts, [&](int i, int w, int lane) { return __ldcg(of_tile + i * tiles * kPart + w * kTileLanes + lane); },
      totals);
  return true;
}

}  // namespace qat::train::cuda
