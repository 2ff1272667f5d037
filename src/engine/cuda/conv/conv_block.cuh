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

// Byte `column` (a multiple of 8) of row `row` of the skip's tile in shared memory: 32-byte units change places by row,
// so that the 8 rows a warp reads at once lie in different banks.
template <int kColumns>
__device__ inline int skip_offset(int row, int column) {
  constexpr int kUnits = kColumns / 32;
  const int key = kUnits >= 4 ? row & 3 : kUnits == 2 ? row >> 1 & 1 : 0;
  return row * kColumns + ((column >> 5 ^ key) << 5) + (column & 31);
}

template <int kRows, int kColumns>
__device__ inline void copy_skip(const ConvParams& p, const BlockPlace& at, uint32_t shared) {
  for (int i = static_cast<int>(threadIdx.x); i < kRows * kColumns / 16; i += static_cast<int>(blockDim.x)) {
    const int row = i / (kColumns / 16), column = i % (kColumns / 16) * 16;
    const int pixel = at.first_pixel + row, n = at.first_column + column;
    if (pixel < p.pixels && n < p.stored)
      copy16(shared + skip_offset<kColumns>(row, column),
             p.skip + static_cast<int64_t>(pixel) * p.out_pitch + at.block * p.block_out + n, 16);
  }
}

// Every lane stores what it summed, where p.plain(). Sums: gather(), row(), column() of WarpTile. skip: the tile in
// shared memory.
template <int kColumns, class Sums>
__device__ void store_sums(const ConvParams& p, const BlockPlace& at, const Sums& sums, const float* scales,
                           const uint8_t* skip) {
#pragma unroll
  for (int q = 0; q < Sums::kColumnGroups; ++q) {
    const int n = at.first_column + sums.column(q), channel = at.block * p.block_out + n;
    if (n >= p.stored) continue;
    const Scales8 s = scales_at(scales, kColumns, sums.column(q));
#pragma unroll
    for (int i = 0; i < 2 * Sums::kRowPairs; ++i) {
      const int row = sums.row(i / 2, i % 2);
      if (at.first_pixel + row >= p.pixels) continue;
      const uint2 skipped = p.has_skip
                                ? *reinterpret_cast<const uint2*>(skip + skip_offset<kColumns>(row, sums.column(q)))
                                : make_uint2(0, 0);
      int32_t sum[8];
      sums.gather(q, i / 2, i % 2, sum);
      store8<Outputs::kPlain>(p, s, sum, skipped, at.first_pixel + row, channel);
    }
  }
}

}  // namespace qat::cuda
