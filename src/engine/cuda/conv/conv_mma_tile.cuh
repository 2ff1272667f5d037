// The tile of a mma.sync convolution: sizes that follow from it, and one warp's share of a k-step.
#pragma once

#include "engine/cuda/conv/conv_epilogue.cuh"
#include "engine/cuda/mma/copy.cuh"
#include "engine/cuda/mma/mma.cuh"
#include "engine/cuda/mma/swizzle.h"

namespace qat::cuda {

// Output pixels x output channels x bytes of depth a thread block takes in one step; warps take warp_rows x
// warp_columns, and `slices` of them share those and split the step's depth.
struct TileSpec {
  int rows, columns, step_bytes;
  int warp_rows, warp_columns, slices = 1;
  int stages = 4;  // steps under way
  int blocks = 1;  // thread blocks of a multiprocessor that registers must allow for
};

template <TileSpec kSpec>
struct Tile {
  static constexpr int kRows = kSpec.rows, kColumns = kSpec.columns, kStepBytes = kSpec.step_bytes;
  static constexpr int kWarpsM = kRows / kSpec.warp_rows, kWarpsN = kColumns / kSpec.warp_columns;
  static constexpr int kThreads = kWarpsM * kWarpsN * kSpec.slices * 32;
  static constexpr int kStageBytes = (kRows + kColumns) * kStepBytes;
  static constexpr int kPartialPitch = kColumns * 4 + 16;      // 16: rows g and g + 1 use different banks
  static constexpr int kPartialBytes = kRows * kPartialPitch;  // of one slice
  static constexpr int kPipelineBytes = kSpec.stages * kStageBytes;
  static_assert(kSpec.warp_rows % 16 == 0 && kSpec.warp_columns % 32 == 0 && kStepBytes / 32 % kSpec.slices == 0);

  // Shared memory: columns, then stages (one more than steps: the last step reads ahead), then the skip's tile. Partial
  // sums take the stages' place and more.
  static constexpr int kColumnBytes = column_bytes(kColumns);
  static constexpr int stage_bytes(int steps) {
    return (steps < kSpec.stages ? steps + 1 : kSpec.stages) * kStageBytes;
  }
};

// One warp's sums and the addresses it reads its operands at.
template <TileSpec kSpec>
class WarpTile {
  using T = Tile<kSpec>;
  static constexpr int kM = kSpec.warp_rows / 16, kN = kSpec.warp_columns / 16;

 public:
  static constexpr int kSubsteps = T::kStepBytes / 32 / kSpec.slices;  // of 32 bytes

  static constexpr int kRowPairs = kM, kColumnGroups = kSpec.warp_columns / 32;

  struct Fragments {
    uint32_t a[kM][4], b[kN][4];
  };

  __device__ explicit WarpTile(uint32_t shared) {
    const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
    m = warp % T::kWarpsM, n = warp / T::kWarpsM % T::kWarpsN, slice = warp / (T::kWarpsM * T::kWarpsN);
    g = lane / 4, t = lane % 4;
    const int a_row = m * kSpec.warp_rows + lane % 16, b_row = n * kSpec.warp_columns + lane / 16 * 8 + lane % 8;
    const int first = slice * kSubsteps * 32;
    a_base_ = shared + a_row * T::kStepBytes;
    b_base_ = shared + (T::kRows + b_row) * T::kStepBytes;
    a_chunk_ = first ^ (lane / 16 ^ swizzle_key<T::kStepBytes>(a_row)) << 4;
    b_chunk_ = first ^ (lane / 8 % 2 ^ swizzle_key<T::kStepBytes>(b_row)) << 4;
  }

  __device__ void load(Fragments& f, int stage_offset, int substep) const {
#pragma unroll
    for (int i = 0; i < kM; ++i)
      load_matrices(f.a[i], a_base_ + stage_offset + i * 16 * T::kStepBytes + (a_chunk_ ^ substep * 32));
#pragma unroll
    for (int i = 0; i < kN; ++i)
      load_matrices(f.b[i], b_base_ + stage_offset + i * 16 * T::kStepBytes + (b_chunk_ ^ substep * 32));
  }

  __device__ void multiply(const Fragments& f) {
#pragma unroll
    for (int i = 0; i < kM; ++i)
#pragma unroll
      for (int j = 0; j < 2 * kN; ++j) mma_u8s8(sums[i][j], f.a[i], f.b[j / 2][j % 2 * 2], f.b[j / 2][j % 2 * 2 + 1]);
  }

  // All sums of 8 outputs begin with start[0..7]; `start` gives those of the lane's 8 columns from a column of the
  // tile.
  template <class Start>
  __device__ void begin(const Start& start) {
#pragma unroll
    for (int q = 0; q < kColumnGroups; ++q) {
      int32_t first[8];
      start(column(q), first);
#pragma unroll
      for (int i = 0; i < kM; ++i)
#pragma unroll
        for (int j = 0; j < 16; ++j) sums[i][q * 4 + j / 4][j % 4] = first[j / 4 * 2 + j % 2];
    }
  }

  // The lane's 8 neighbouring outputs q of row (i, half), see packed_row().
  __device__ void gather(int q, int i, int half, int32_t (&to)[8]) const {
#pragma unroll
    for (int j = 0; j < 8; ++j) to[j] = sums[i][q * 4 + j / 2][half * 2 + j % 2];
  }
  __device__ int column(int q) const { return n * kSpec.warp_columns + q * 32 + t * 8; }
  __device__ int row(int i, int half) const { return m * kSpec.warp_rows + i * 16 + half * 8 + g; }

  int m, n, slice, g, t;
  int32_t sums[kM][2 * kN][4];

 private:
  uint32_t a_base_, b_base_;
  int a_chunk_, b_chunk_;
};

}  // namespace qat::cuda
