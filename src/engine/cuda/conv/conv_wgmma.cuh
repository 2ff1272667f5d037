// The tensor-core convolution by wgmma (sm_90a): the loaders, packed form and epilogue of conv_mma.cuh, a pipeline of
// 128-byte steps that the tensor cores read from shared memory themselves.
//
// Two warpgroups; all threads copy. Step i's products are enqueued, then the wait for step i - 1's lets the copies of a
// later step into the buffer of step i - 2, so that the tensor cores always have work.
#pragma once

#include "engine/cuda/conv/conv_block.cuh"
#include "engine/cuda/conv/conv_loader.cuh"
#include "engine/cuda/launch.cuh"
#include "engine/cuda/mma/wgmma.cuh"

namespace qat::cuda {

struct WgmmaSpec {
  int rows, columns;        // of a thread block
  int group_rows;           // of a warpgroup: a multiple of 64
  int group_columns;        // of a warpgroup: a multiple of instruction_columns
  int instruction_columns;  // of one product: 64 or 128
  int stages, blocks;
};

template <WgmmaSpec kSpec>
struct WgmmaTile {
  static constexpr int kGroups = kSpec.rows / kSpec.group_rows * (kSpec.columns / kSpec.group_columns);
  static constexpr int kThreads = kGroups * 128, kStepBytes = 128;
  static constexpr int kStageBytes = (kSpec.rows + kSpec.columns) * kStepBytes;
  static constexpr int kPipelineBytes = kSpec.stages * kStageBytes, kColumnBytes = column_bytes(kSpec.columns);
  // Shared memory: columns, then stages, then the skip's tile.
  static constexpr int stage_bytes(int steps) { return (steps < kSpec.stages ? steps : kSpec.stages) * kStageBytes; }
};

// One warpgroup's sums: kM x kN instructions.
template <WgmmaSpec kSpec>
class GroupTile {
  static constexpr int kM = kSpec.group_rows / 64, kN = kSpec.group_columns / kSpec.instruction_columns;
  static constexpr int kGroupsM = kSpec.rows / kSpec.group_rows, kQ = kSpec.instruction_columns / 32;

 public:
  static constexpr int kRowPairs = kM, kColumnGroups = kN * kQ;

  __device__ GroupTile() {
    const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32, group = warp / 4;
    g = lane / 4, t = lane % 4;
    first_row = group % kGroupsM * kSpec.group_rows, first_column = group / kGroupsM * kSpec.group_columns;
    lane_row_ = first_row + warp % 4 * 16 + g;
  }

  template <class Start>
  __device__ void begin(const Start& start) {
#pragma unroll
    for (int q = 0; q < kColumnGroups; ++q) {
      int32_t first[8];
      start(column(q), first);
#pragma unroll
      for (int i = 0; i < kM; ++i)
#pragma unroll
        for (int j = 0; j < 16; ++j) sums[i][q / kQ][q % kQ * 16 + j] = first[j / 4 * 2 + j % 2];
    }
  }

  // pixels, weights: the stage's tiles in shared memory.
  __device__ void multiply(uint32_t pixels, uint32_t weights) {
    wgmma_begin();
#pragma unroll
    for (int k = 0; k < 128; k += 32)
#pragma unroll
      for (int i = 0; i < kM; ++i)
#pragma unroll
        for (int j = 0; j < kN; ++j)
          wgmma_u8s8(sums[i][j], wgmma_operand(pixels + (first_row + i * 64) * 128 + k),
                     wgmma_operand(weights + (first_column + j * kSpec.instruction_columns) * 128 + k));
    wgmma_commit();
  }

  __device__ void gather(int q, int i, int half, int32_t (&to)[8]) const {
#pragma unroll
    for (int j = 0; j < 8; ++j) to[j] = sums[i][q / kQ][q % kQ * 16 + j / 2 * 4 + half * 2 + j % 2];
  }
  __device__ int column(int q) const { return first_column + q * 32 + t * 8; }
  __device__ int row(int i, int half) const { return lane_row_ + i * 64 + half * 8; }

 private:
  int first_row, first_column, g, t, lane_row_;
  int32_t sums[kM][kN][kSpec.instruction_columns / 2];
};

// Shape::kSpec is the tile.
template <class Shape>
__global__ void __launch_bounds__(WgmmaTile<Shape::kSpec>::kThreads, Shape::kSpec.blocks)
    conv_wgmma(const __grid_constant__ ConvParams p) {
#if __CUDA_ARCH_FEAT_SM90_ALL
  constexpr WgmmaSpec kSpec = Shape::kSpec;
  using T = WgmmaTile<kSpec>;
  extern __shared__ __align__(1024) uint8_t shared[];
  auto* scales = reinterpret_cast<float*>(shared);
  let_next_start();
  const BlockPlace at(p, blockIdx.x, kSpec.rows, kSpec.columns);
  const int steps = (p.depth + T::kStepBytes - 1) / T::kStepBytes;
  constexpr int kLead = kSpec.stages - 2, kWeightsAt = kSpec.rows * T::kStepBytes;
  const uint32_t stages = shared_address(shared) + T::kColumnBytes;
  WeightLoader<kSpec.columns, T::kStepBytes, T::kThreads> weights(p, at.block, at.first_column, 0, stages + kWeightsAt);
#pragma unroll
  for (int s = 0; s < kLead; ++s) {
    if (s < steps) weights.load(p, s * T::kStageBytes);
    weights.advance();
  }
  copy_columns(p, p.start + static_cast<int64_t>(at.block) * p.rows, scales, kSpec.columns, at.block, at.first_column);
  PixelLoader<kSpec.rows, T::kStepBytes, T::kThreads> pixels(p, at.first_pixel, at.block, 0, stages);
  uint8_t* skip = shared + T::kColumnBytes + T::stage_bytes(steps);
  wait_for_previous();
#pragma unroll
  for (int s = 0; s < kLead; ++s) {
    if (s < steps) pixels.load(p, s * T::kStageBytes);
    pixels.advance(p);
    if (s == kLead - 1 && p.has_skip) copy_skip<kSpec.rows, kSpec.columns>(p, at, shared_address(skip));
    commit_copies();
  }
  GroupTile<kSpec> group;
  wait_copies<kLead - 1>();
  __syncthreads();
  group.begin([&](int column, int32_t(&start)[8]) { start_at(scales, kSpec.columns, column, start); });

  int read = 0, write = kLead * T::kStageBytes;
#pragma unroll 1
  for (int step = 0; step < steps; ++step) {
    wait_copies<kLead - 1>();
    publish_to_tensor_cores();
    __syncthreads();
    group.multiply(stages + read, stages + read + kWeightsAt);
    wgmma_wait<1>();
    if (step + kLead < steps) {
      weights.load(p, write), weights.advance();
      pixels.load(p, write), pixels.advance(p);
    }
    commit_copies();
    read = read + T::kStageBytes == T::kPipelineBytes ? 0 : read + T::kStageBytes;
    write = write + T::kStageBytes == T::kPipelineBytes ? 0 : write + T::kStageBytes;
  }
  wgmma_wait<0>();
  wait_copies<0>();
  __syncthreads();
  store_sums<kSpec.columns>(p, at, group, scales, skip);
#endif
}

template <class Shape>
cudaError_t launch_conv_wgmma(const ConvParams& p, cudaStream_t stream) {
  constexpr WgmmaSpec kSpec = Shape::kSpec;
  using T = WgmmaTile<kSpec>;
  const int bytes = T::kColumnBytes + T::stage_bytes((p.depth + T::kStepBytes - 1) / T::kStepBytes) +
                    (p.has_skip ? kSpec.rows * kSpec.columns : 0);
  const auto kernel = conv_wgmma<Shape>;
  const cudaError_t status = allow_shared_memory(kernel);
  if (status != cudaSuccess) return status;
  const auto row_tiles = static_cast<uint32_t>((p.pixels + kSpec.rows - 1) / kSpec.rows);
  return launch(
      kernel,
      {.grid = row_tiles * p.column_tiles.value, .block = T::kThreads, .shared_bytes = static_cast<size_t>(bytes)},
      stream, p);
}

}  // namespace qat::cuda
