// conv_tma.cuh's tile where few of them exist (sm_90a): the blocks of a cluster share its depth, and larger tiles then
// read less for each product.
//
// A lane's sums fall into units of 8 neighbouring outputs of one pixel; each block finishes its share of the units, of
// every lane. Of the others it sends the sums to the same lane of the block that finishes them, into that block's
// mailbox, where a barrier counts the bytes. Integer sums are exact in any order.
#pragma once

#include "engine/cuda/conv/conv_tma.cuh"
#include "engine/cuda/mma/cluster.cuh"

namespace qat::cuda {

template <TmaSpec kSpec>
class TmaExchange {
  using Sums = TmaSums<kSpec>;
  static constexpr int kThreads = TmaRing<kSpec>::kConsumers;
  static constexpr int kUnits = 2 * Sums::kRowPairs * Sums::kColumnGroups;
  static_assert(kSpec.sets == 1 && kUnits % kSpec.split == 0);

 public:
  static constexpr int kMine = kUnits / kSpec.split;
  static constexpr int kPieceBytes = kMine * 32 * kThreads;  // that one block sends another
  static constexpr int kMailBytes = (kSpec.split - 1) * kPieceBytes;
  static constexpr int kBarrier = kTmaBarrierBytes - 16;

  __device__ TmaExchange(uint32_t shared, uint32_t mail)
      : barrier_(shared + kBarrier), mail_(mail + static_cast<int>(threadIdx.x) * 16), rank_(cluster_rank()) {}

  __device__ int rank() const { return rank_; }

  // By one thread, before publish_barriers().
  __device__ void init() const {
    barrier_init(barrier_, 1);
    barrier_expect(barrier_, kMailBytes);
  }

  // The sums of all blocks, of the units that this one finishes. By all that multiply, once all barriers are there.
  __device__ void meet(const Sums& sums, int32_t (&mine)[kMine][8]) const {
    uint32_t barriers[kSpec.split], mails[kSpec.split];
#pragma unroll
    for (int to = 0; to < kSpec.split; ++to) {
      barriers[to] = in_block(barrier_, to);
      mails[to] = in_block(mail_ + (rank_ < to ? rank_ : rank_ - 1) * kPieceBytes, to);
    }
#pragma unroll
    for (int unit = 0; unit < kUnits; ++unit) {
      const int to = unit / kMine, place = unit % kMine;
      int32_t sum[8];
      sums.gather(unit / 2 % Sums::kColumnGroups, unit / 2 / Sums::kColumnGroups, unit % 2, sum);
      if (to == rank_) {
#pragma unroll
        for (int j = 0; j < 8; ++j) mine[place][j] = sum[j];
      } else {
        send16(mails[to] + (2 * place) * kThreads * 16, barriers[to], sum);
        send16(mails[to] + (2 * place + 1) * kThreads * 16, barriers[to], sum + 4);
      }
    }
    barrier_wait(barrier_, 0);
#pragma unroll
    for (int from = 0; from < kSpec.split - 1; ++from)
#pragma unroll
      for (int place = 0; place < kMine; ++place) {
        add16(mail_ + from * kPieceBytes + (2 * place) * kThreads * 16, mine[place]);
        add16(mail_ + from * kPieceBytes + (2 * place + 1) * kThreads * 16, mine[place] + 4);
      }
  }

  template <bool kUnitOutputs, bool kSkip>
  __device__ void store(const ConvTmaParams& p, const TmaPlace<kSpec>& at, const Sums& sums,
                        const int32_t (&mine)[kMine][8], const float* columns, uint32_t skip) const {
#pragma unroll
    for (int place = 0; place < kMine; ++place) {
      const int unit = rank_ * kMine + place;
      const int row = sums.row(unit / 2 / Sums::kColumnGroups, unit % 2),
                column = sums.column(unit / 2 % Sums::kColumnGroups);
      const uint2 skipped = kSkip ? tile_skip<kSpec>(skip, row, column) : make_uint2(0, 0);
      const Scales8 s = scales_at(columns, p.all_columns, column);
      const uint2 word = outputs8<kUnitOutputs, kSkip>(p, s, mine[place], skipped);
      const int pixel = at.first_pixel + row;
      auto* y = static_cast<uint8_t*>(p.y) + static_cast<int64_t>(pixel) * p.out_pitch + at.first_column + column;
      store_if(pixel < p.pixels && at.first_column + column < p.stored, y, word);
    }
  }

 private:
  __device__ static void add16(uint32_t from, int32_t* to) {
    int4 v;
    asm volatile("ld.shared.v4.s32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "r"(from)
                 : "memory");
    to[0] += v.x, to[1] += v.y, to[2] += v.z, to[3] += v.w;
  }

  uint32_t barrier_, mail_;
  int rank_;
};

template <class Shape>
__global__ void __launch_bounds__(TmaRing<Shape::kSpec>::kThreads, Shape::kSpec.blocks)
    conv_tma_split(const __grid_constant__ ConvTmaParams p, const __grid_constant__ ConvTmaMaps maps) {
#if __CUDA_ARCH_FEAT_SM90_ALL
  constexpr TmaSpec kSpec = Shape::kSpec;
  extern __shared__ __align__(1024) uint8_t shared[];
  using Ring = TmaRing<kSpec>;
  using Exchange = TmaExchange<kSpec>;
  static_assert(!Ring::kAlone, "the loading warp is one, and registers are divided evenly");
  const Ring ring(shared_address(shared), p.stages, p.stages_at);
  const Exchange exchange(shared_address(shared),
                          shared_address(shared) + p.stages_at + p.stages * Ring::stage_bytes());
  auto* columns = reinterpret_cast<float*>(shared + kTmaBarrierBytes);
  let_next_start();
  if (threadIdx.x == 0) exchange.init(), ring.init();
  __syncthreads();
  cluster_arrive();
  const uint32_t tile = blockIdx.x / kSpec.split;
  const int rank = exchange.rank(), first = p.steps * rank / kSpec.split;
  const TmaSteps steps{first, p.steps * (rank + 1) / kSpec.split - first};
  if (warpgroup() == Ring::kConsumers / 128) {
    if (threadIdx.x == Ring::kConsumers) ring.load_tiles(p, maps, tile, p.tiles, steps);
    cluster_wait();
  } else {
    const TmaPlace<kSpec> at(p, tile);
    const bool unit = load_columns<Ring::kConsumers>(p, at.first_column, rank == 0, columns);
    TmaSums<kSpec> sums(p.box_bytes);
    sums.begin(reinterpret_cast<const int32_t*>(columns) + 2 * p.all_columns);
    wait_for_previous();
    RingPlace place = ring.start();
    multiply_steps<true>(ring, steps.count, place, sums);
    cluster_wait();
    int32_t mine[Exchange::kMine][8];
    exchange.meet(sums, mine);
    if (p.has_skip) ring.wait_full(place);
    const uint32_t skip = ring.stage(place);
    if (p.has_skip) {
      unit ? exchange.template store<true, true>(p, at, sums, mine, columns, skip)
           : exchange.template store<false, true>(p, at, sums, mine, columns, skip);
    } else {
      unit ? exchange.template store<true, false>(p, at, sums, mine, columns, skip)
           : exchange.template store<false, false>(p, at, sums, mine, columns, skip);
    }
  }
#endif
}

template <class Shape>
cudaError_t launch_conv_tma_split(const kernels::ConvProblem& problem, const kernels::ConvArgs& a,
                                  cudaStream_t stream) {
  constexpr TmaSpec kSpec = Shape::kSpec;
  const ConvTmaParams p = conv_tma_params(problem, a, kSpec);
  ConvTmaMaps maps;
  cudaError_t status = conv_tma_maps(problem, a, kSpec, maps);
  if (status != cudaSuccess) return status;
  const auto kernel = conv_tma_split<Shape>;
  status = allow_shared_memory(kernel);
  if (status != cudaSuccess) return status;
  return launch(kernel,
                {.grid = p.tiles * static_cast<uint32_t>(kSpec.split),
                 .block = TmaRing<kSpec>::kThreads,
                 .shared_bytes = static_cast<size_t>(p.stages_at + p.stages * TmaRing<kSpec>::stage_bytes() +
                                                     TmaExchange<kSpec>::kMailBytes),
                 .cluster_x = static_cast<unsigned>(kSpec.split)},
                stream, p, maps);
}

}  // namespace qat::cuda
