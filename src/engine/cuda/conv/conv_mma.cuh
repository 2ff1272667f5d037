// The tensor-core convolution by mma.sync (sm_80): a pipeline of k-steps through shared memory, epilogue in registers.
//
// A thread block makes `rows` output pixels of `columns` output channels. Where few of them exist, their depth is
// split: between the slices of a block, and between the blocks of a cluster (sm_90); the partial sums then meet in
// shared memory, each block of the cluster finishing its share of the rows. Integer sums are exact in any order.
#pragma once

#include "engine/cuda/conv/conv_block.cuh"
#include "engine/cuda/conv/conv_loader.cuh"
#include "engine/cuda/conv/conv_mma_reduce.cuh"
#include "engine/cuda/conv/conv_mma_tile.cuh"
#include "engine/cuda/launch.cuh"

namespace qat::cuda {

// The pixels of the first steps, after the wait for the kernels that write them; all they need is worked out before.
// skip: where its tile goes, or null.
template <TileSpec kSpec, class Pixels>
__device__ inline void load_first(const ConvParams& p, const BlockPlace& at, Pixels& pixels, int steps, uint8_t* skip) {
  using T = Tile<kSpec>;
  typename Pixels::Sources sources[kSpec.stages - 1];
#pragma unroll
  for (auto& step : sources) {
    step = pixels.sources(p);
    pixels.advance(p);
  }
  wait_for_previous();
#pragma unroll
  for (int s = 0; s < kSpec.stages - 1; ++s) {
    if (s < steps) pixels.load(p, sources[s], s * T::kStageBytes);
    if (skip && s == kSpec.stages - 2 && p.has_skip) copy_skip<T::kRows, T::kColumns>(p, at, shared_address(skip));
    commit_copies();
  }
}

// All steps, the first stages' copies under way.
template <TileSpec kSpec, class Weights, class Pixels>
__device__ inline void multiply_steps(const ConvParams& p, WarpTile<kSpec>& warp, Weights& weights, Pixels& pixels,
                                      int steps) {
  using T = Tile<kSpec>;
  using Warp = WarpTile<kSpec>;
  typename Warp::Fragments now, next;
  warp.load(now, 0, 0);
  int read = 0, write = (kSpec.stages - 1) * T::kStageBytes;
  for (int step = 0; step < steps; ++step) {
#pragma unroll
    for (int sub = 0; sub < Warp::kSubsteps; ++sub) {
      if (sub == 0) {
        if (step + kSpec.stages - 1 < steps) {
          weights.load(p, write), weights.advance();
          pixels.load(p, write), pixels.advance(p);
        }
        commit_copies();
        write = write + T::kStageBytes == T::kPipelineBytes ? 0 : write + T::kStageBytes;
      }
      if (sub == Warp::kSubsteps - 1) {
        wait_copies<kSpec.stages - 2>();
        __syncthreads();
        read = read + T::kStageBytes == T::kPipelineBytes ? 0 : read + T::kStageBytes;
      }
      warp.load(next, read, (sub + 1) % Warp::kSubsteps);
      warp.multiply(now);
      now = next;
    }
  }
  wait_copies<0>();
  __syncthreads();
}

// Shape::kSpec is the tile (a type: nvcc 13.0 cannot name a value of class type in a kernel's stub); kReduces: the
// depth is split.
template <class Shape, bool kReduces>
__global__ void __launch_bounds__(Tile<Shape::kSpec>::kThreads, Shape::kSpec.blocks)
    conv_mma(const __grid_constant__ ConvParams p, bool plain) {
  constexpr TileSpec kSpec = Shape::kSpec;
  using T = Tile<kSpec>;
  using Warp = WarpTile<kSpec>;
  extern __shared__ __align__(1024) uint8_t shared[];
  auto* scales = reinterpret_cast<float*>(shared);
  let_next_start();
  const int rank = kReduces ? cluster_rank() : 0, split = kReduces ? cluster_size() : 1;
  const BlockPlace at(p, blockIdx.x / static_cast<uint32_t>(split), T::kRows, T::kColumns);
  uint8_t* mail = shared + T::kColumnBytes;
  uint8_t* work = mail + (split > 1 ? Reduction<kSpec>::kMailBytes : 0);
  Reduction<kSpec> reduction(p, at, mail, shared_address(mail) - 16, rank, split);
  const int all_steps = (p.depth + T::kStepBytes - 1) / T::kStepBytes;
  const int first_step = all_steps * rank / split, steps = all_steps * (rank + 1) / split - first_step;

  // Copies: what no other kernel writes, then, after the wait, pixels, one group a step; the skip with the last of
  // them.
  const uint32_t stages = shared_address(work);
  WeightLoader<T::kColumns, T::kStepBytes, T::kThreads> weights(p, at.block, at.first_column, first_step,
                                                                stages + T::kRows * T::kStepBytes);
#pragma unroll
  for (int s = 0; s < kSpec.stages - 1; ++s) {
    if (s < steps) weights.load(p, s * T::kStageBytes);
    weights.advance();
  }
  copy_columns(p, p.start + static_cast<int64_t>(at.block) * p.rows, scales, T::kColumns, at.block, at.first_column);
  PixelLoader<T::kRows, T::kStepBytes, T::kThreads> pixels(p, at.first_pixel, at.block, first_step, stages);
  uint8_t* skip = work + T::stage_bytes(steps);
  load_first<kSpec>(p, at, pixels, steps, kReduces ? nullptr : skip);
  if constexpr (kReduces) reduction.load_skip();

  wait_copies<kSpec.stages - 2>();
  __syncthreads();
  Warp warp(stages);
  warp.begin([&](int column, int32_t(&start)[8]) {
    start_at(scales, T::kColumns, column, start);
    if (kReduces && (rank > 0 || warp.slice > 0))
      for (int32_t& value : start) value = 0;
  });
  multiply_steps<kSpec>(p, warp, weights, pixels, steps);
  if constexpr (kReduces) {
    reduction.finish(warp, work, scales, plain);
  } else {
    store_sums<T::kColumns>(p, at, warp, scales, skip);
  }
}

template <class Shape, bool kReduces>
cudaError_t launch_conv_mma(const ConvParams& p, int split, cudaStream_t stream) {
  using T = Tile<Shape::kSpec>;
  const int steps = ((p.depth + T::kStepBytes - 1) / T::kStepBytes + split - 1) / split;
  int bytes = T::stage_bytes(steps) + (!kReduces && p.has_skip ? T::kRows * T::kColumns : 0);
  if (kReduces && bytes < Shape::kSpec.slices * T::kPartialBytes) bytes = Shape::kSpec.slices * T::kPartialBytes;
  bytes += T::kColumnBytes + (split > 1 ? Reduction<Shape::kSpec>::kMailBytes : 0);
  const auto kernel = conv_mma<Shape, kReduces>;
  const cudaError_t status = allow_shared_memory(kernel);
  if (status != cudaSuccess) return status;
  const auto row_tiles = static_cast<uint32_t>((p.pixels + T::kRows - 1) / T::kRows);
  return launch(kernel,
                {.grid = row_tiles * p.column_tiles.value * static_cast<uint32_t>(split),
                 .block = T::kThreads,
                 .shared_bytes = static_cast<size_t>(bytes),
                 .cluster_x = static_cast<unsigned>(split)},
                stream, p, p.plain());
}

// split: blocks of a cluster that share the depth. An output that is not plain() goes through shared memory too: that
// epilogue is a loop, which has room for a call.
template <class Shape>
cudaError_t launch_conv_mma(const ConvParams& p, int split, cudaStream_t stream) {
  if (split > 1 || Shape::kSpec.slices > 1 || !p.plain()) return launch_conv_mma<Shape, true>(p, split, stream);
  if constexpr (Shape::kSpec.slices == 1) return launch_conv_mma<Shape, false>(p, split, stream);
  return cudaErrorInvalidValue;
}

}  // namespace qat::cuda
