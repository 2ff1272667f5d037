// What the tensor-core convolutions share around their main loops: a block's place, its start values, its last stores.
#pragma once

#include "engine/cuda/conv/conv_epilogue.cuh"

namespace qat::cuda {

// Where a thread block stands.
struct BlockPlace {
  int first_pixel, block, first_column;  // column: within the block of groups

  __device__ BlockPlace(const ConvParams& p, uint32_t tile, int rows, int columns) {
    uint32_t m, column_tile, b, n;
    p.column_tiles.split(tile, m, column_tile);
    p.block_column_tiles.split(column_tile, b, n);
    first_pixel = static_cast<int>(m) * rows, block = static_cast<int>(b), first_column = static_cast<int>(n) * columns;
  }
};

// The skip's lines on their way into L2 while the sums are made.
__device__ inline void prefetch_skip(const ConvParams& p, const BlockPlace& at, int rows, int columns) {
  if (!p.has_skip) return;
  for (int i = static_cast<int>(threadIdx.x); i < rows; i += static_cast<int>(blockDim.x)) {
    if (at.first_pixel + i >= p.pixels) break;
    const uint8_t* line =
        p.skip + static_cast<int64_t>(at.first_pixel + i) * p.out_pitch + at.block * p.block_out + at.first_column;
    for (int c = 0; c < columns; c += 128) asm volatile("prefetch.global.L2 [%0];" ::"l"(line + c));
  }
}

// The start values of 8 columns of the tile.
__device__ inline void start_of(const ConvParams& p, const BlockPlace& at, bool begins, int column,
                                int32_t (&start)[8]) {
  const int n = at.first_column + column;
  const bool exists = begins && n < p.rows;
  const auto* from = reinterpret_cast<const int4*>(p.start + static_cast<int64_t>(at.block) * p.rows + n);
  const int4 low = exists ? from[0] : make_int4(0, 0, 0, 0), high = exists ? from[1] : make_int4(0, 0, 0, 0);
  start[0] = low.x, start[1] = low.y, start[2] = low.z, start[3] = low.w;
  start[4] = high.x, start[5] = high.y, start[6] = high.z, start[7] = high.w;
}

// Every lane stores what it summed, where p.plain(). Sums: gather(), row(), column() of WarpTile.
template <class Sums>
__device__ void store_sums(const ConvParams& p, const BlockPlace& at, const Sums& sums, const float* scales,
                           int tile_columns) {
  constexpr int kRows = 2 * Sums::kRowPairs;
#pragma unroll
  for (int q = 0; q < Sums::kColumnGroups; ++q) {
    const int n = at.first_column + sums.column(q), channel = at.block * p.block_out + n;
    if (n >= p.stored) continue;
    const Scales8 s = scales_at(scales, tile_columns, sums.column(q));
    uint2 skip[kRows];
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const int pixel = at.first_pixel + sums.row(i / 2, i % 2);
      skip[i] = pixel < p.pixels ? skip_at(p, pixel, channel) : make_uint2(0, 0);
    }
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const int pixel = at.first_pixel + sums.row(i / 2, i % 2);
      int32_t sum[8];
      sums.gather(q, i / 2, i % 2, sum);
      if (pixel < p.pixels) store8<true>(p, s, sum, skip[i], pixel, channel);
    }
  }
}

}  // namespace qat::cuda
