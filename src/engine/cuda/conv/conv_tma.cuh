// The tensor-core convolution for many pixels (sm_90a): blocks that stay, a warp that loads, warpgroups that multiply.
//
// A block walks over tiles of `rows` output pixels x `columns` output channels. One warp asks the copy engine for what
// the tiles need, stage by stage of a ring in shared memory: pixels and weights of 128 bytes of depth, and, after a
// tile's last step, the skip's tile. `sets` of `groups` warpgroups take the tiles in turn; while one set finishes its
// outputs the others multiply, and the loads of later tiles are under way. Multipliers and biases of all channels lie
// in shared memory for as long as the block lives.
#pragma once

#include "engine/cuda/conv/conv_params.h"
#include "engine/cuda/conv/conv_tma_outputs.cuh"
#include "engine/cuda/conv/conv_tma_ring.cuh"
#include "engine/cuda/launch.cuh"

namespace qat::cuda {

// As a value that the compiler knows to be one for all of a warp.
__device__ inline int warpgroup() { return __shfl_sync(~0u, static_cast<int>(threadIdx.x) / 128, 0); }

// One warpgroup's sums: kM products of 64 rows, side by side, of all the tile's columns.
template <TmaSpec kSpec>
class TmaSums {
  static constexpr int kM = kSpec.rows / kSpec.groups / 64;

 public:
  static constexpr int kRowPairs = kM, kColumnGroups = kSpec.columns / 32;

  // box_bytes: of the pixels' rows in a stage; where 64, the depth's halves lie one after the other.
  __device__ explicit TmaSums(int box_bytes)
      : row_bytes_(box_bytes),
        half_bytes_(box_bytes == 128 ? 64 : kSpec.rows * 64),
        form_(box_bytes == 128 ? kRows128 : kRows64) {
    const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
    t_ = lane % 4;
    first_row_ = warp / 4 % kSpec.groups * (kM * 64);
    lane_row_ = first_row_ + warp % 4 * 16 + lane / 4;
  }

  // All are in registers before the first product: the compiler would move some between products otherwise.
  __device__ void begin(const int32_t* start) {
#pragma unroll
    for (int i = 0; i < kM; ++i)
#pragma unroll
      for (int j = 0; j < kSpec.columns / 2; ++j) {
        sums_[i][j] = start[column(j / 16) + j % 16 / 4 * 2 + j % 2];
        asm volatile("" : "+r"(sums_[i][j]));
      }
  }

  // One step's stage. kAdd: to what is there; else in its place.
  template <bool kAdd>
  __device__ void multiply(uint32_t stage) {
    wgmma_begin();
#pragma unroll
    for (int k = 0; k < 128; k += 32)
#pragma unroll
      for (int i = 0; i < kM; ++i) {
        const uint64_t pixels = wgmma_operand(
                           stage + (first_row_ + i * 64) * row_bytes_ + k / 64 * half_bytes_ + k % 64, form_),
                       weights = wgmma_operand(stage + kSpec.rows * 128 + k);
        if (!kAdd && k == 0) {
          wgmma_u8s8_first(sums_[i], pixels, weights);
        } else {
          wgmma_u8s8(sums_[i], pixels, weights);
        }
      }
    wgmma_commit();
  }

  __device__ void gather(int q, int i, int half, int32_t (&to)[8]) const {
#pragma unroll
    for (int j = 0; j < 8; ++j) to[j] = sums_[i][q * 16 + j / 2 * 4 + half * 2 + j % 2];
  }
  __device__ int column(int q) const { return q * 32 + t_ * 8; }
  __device__ int row(int i, int half) const { return lane_row_ + i * 64 + half * 8; }

 private:
  int row_bytes_, half_bytes_;
  uint64_t form_;
  int t_, first_row_, lane_row_;
  int32_t sums_[kM][kSpec.columns / 2];
};

// All steps of a tile. kAdd: to what is in sums.
template <bool kAdd, TmaSpec kSpec>
__device__ inline void multiply_steps(const TmaRing<kSpec>& ring, int steps, RingPlace& place, TmaSums<kSpec>& sums) {
  ring.wait_full(place);
  sums.template multiply<kAdd>(ring.stage(place));
#pragma unroll 1
  for (int step = 1; step < steps; ++step) {
    const RingPlace before = place;
    place.advance(1);
    ring.wait_full(place);
    sums.template multiply<true>(ring.stage(place));
    wgmma_wait<1>();
    ring.release(before);
  }
  wgmma_wait<0>();
  ring.release(place);
  place.advance(1);
}

// The tiles of a set. Sets go on in turn: a stage's barrier tells a round of the ring from the next, but not from the
// one after that, so nobody may wait for a stage before everything earlier in the ring has come.
template <TmaSpec kSpec>
__device__ void multiply_tiles(const ConvTmaParams& p, const TmaRing<kSpec>& ring, const float* columns, bool unit) {
  const int set = warpgroup() / kSpec.groups;
  RingPlace place = ring.start();
  const int stages_a_tile = p.steps + (p.has_skip ? 1 : 0);
  place.advance(set * stages_a_tile);
  constexpr int kTurnThreads = 256 * kSpec.groups;
  for (uint32_t tile = blockIdx.x + set * gridDim.x; tile < p.tiles; tile += kSpec.sets * gridDim.x) {
    const TmaPlace<kSpec> at(p, tile);
    if (kSpec.sets > 1 && tile != blockIdx.x) wait_turn(1 + set, kTurnThreads);
    const float* own = columns + (p.one_tile ? 0 : at.first_column);
    TmaSums<kSpec> sums(p.box_bytes);
    if (p.starts) {
      sums.begin(reinterpret_cast<const int32_t*>(own) + 2 * p.all_columns);
      multiply_steps<true>(ring, p.steps, place, sums);
    } else {
      multiply_steps<false>(ring, p.steps, place, sums);
    }
    if (p.has_skip) ring.wait_full(place);
    if (kSpec.sets > 1 && tile + gridDim.x < p.tiles) give_turn(1 + (set + 1) % kSpec.sets, kTurnThreads);
    store_tile<kSpec>(p, at, sums, own, ring.stage(place), unit);
    if (p.has_skip) {
      ring.release(place);
      place.advance(1);
    }
    place.advance((kSpec.sets - 1) * stages_a_tile);
  }
}

template <class Shape>
__global__ void __launch_bounds__(TmaRing<Shape::kSpec>::kThreads, Shape::kSpec.blocks)
    conv_tma(const __grid_constant__ ConvTmaParams p, const __grid_constant__ ConvTmaMaps maps) {
#if __CUDA_ARCH_FEAT_SM90_ALL
  constexpr TmaSpec kSpec = Shape::kSpec;
  extern __shared__ __align__(1024) uint8_t shared[];
  using Ring = TmaRing<kSpec>;
  const Ring ring(shared_address(shared), p.stages, p.stages_at);
  auto* columns = reinterpret_cast<float*>(shared + kTmaBarrierBytes);
  let_next_start();
  if (threadIdx.x == 0) ring.init();
  __syncthreads();
  if (warpgroup() == Ring::kConsumers / 128) {
    if constexpr (Ring::kAlone) asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Ring::kLoaderRegisters));
    if (threadIdx.x == Ring::kConsumers) ring.load_tiles(p, maps, blockIdx.x, gridDim.x, {0, p.steps});
  } else {
    if constexpr (Ring::kAlone) asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Ring::kRegisters));
    const int first = p.one_tile ? TmaPlace<kSpec>(p, blockIdx.x).first_column : 0;
    const bool unit = load_columns<Ring::kConsumers>(p, first, true, columns);
    wait_for_previous();
    multiply_tiles<kSpec>(p, ring, columns, unit);
  }
#endif
}

template <class Shape>
cudaError_t launch_conv_tma(const kernels::ConvProblem& problem, const kernels::ConvArgs& a, cudaStream_t stream) {
  constexpr TmaSpec kSpec = Shape::kSpec;
  const ConvTmaParams p = conv_tma_params(problem, a, kSpec);
  ConvTmaMaps maps;
  cudaError_t status = conv_tma_maps(problem, a, kSpec, maps);
  if (status != cudaSuccess) return status;
  const auto kernel = conv_tma<Shape>;
  status = allow_shared_memory(kernel);
  if (status != cudaSuccess) return status;
  const auto most = static_cast<uint32_t>(multiprocessors() * kSpec.blocks);
  return launch(kernel,
                {.grid = p.tiles < most ? p.tiles : most,
                 .block = TmaRing<kSpec>::kThreads,
                 .shared_bytes = static_cast<size_t>(p.stages_at + p.stages * TmaRing<kSpec>::stage_bytes())},
                stream, p, maps);
}

}  // namespace qat::cuda
