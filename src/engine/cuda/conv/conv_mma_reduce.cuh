// Where the depth of a convolution is split: partial sums of a block's slices, and of a cluster's blocks, become
// outputs.
//
// Slices meet in shared memory, in place of the stages. Of a cluster, each block finishes its share of the tile's rows:
// the others send it their sums of those rows, each to a place of its own in the mailbox, [blocks][share][columns] s32;
// a barrier there counts the bytes, so that nobody waits for anything but them.
#pragma once

#include "engine/cuda/conv/conv_block.cuh"
#include "engine/cuda/conv/conv_mma_tile.cuh"
#include "engine/cuda/mma/barrier.cuh"
#include "engine/cuda/mma/cluster.cuh"

namespace qat::cuda {

template <TileSpec kSpec>
class Reduction {
  using T = Tile<kSpec>;
  static constexpr int kUnits = kSpec.columns / 8;  // of a row

 public:
  // Shared memory beside T::kColumnBytes, whose last 16 bytes are the barrier's.
  static constexpr int kMailBytes = T::kRows * T::kColumns * 4;

  // rank: in a cluster of `split` blocks. Call at the kernel's start.
  __device__ Reduction(const ConvParams& p, const BlockPlace& at, uint8_t* mail, uint32_t barrier, int rank, int split)
      : p_(p),
        at_(at),
        mail_(mail),
        barrier_(barrier),
        rank_(rank),
        split_(split),
        share_(T::kRows / split),
        first_row_(share_ * rank) {
#if __CUDA_ARCH__ >= 900
    if (split == 1) return;
    if (threadIdx.x == 0) {
      barrier_init(barrier, 1);
      publish_barriers();
    }
    cluster_arrive();
#endif
  }

  // After the wait for other kernels: the skip of the first outputs that this thread will finish.
  __device__ void load_skip() {
    const int unit = static_cast<int>(threadIdx.x);
    skip_ = unit < share_ * kUnits && exists(first_row_ + unit / kUnits, unit % kUnits * 8)
                ? skip_at(p_, pixel(first_row_ + unit / kUnits), channel(unit % kUnits * 8))
                : make_uint2(0, 0);
  }

  // work: shared memory that no copy is under way to.
  __device__ void finish(const WarpTile<kSpec>& warp, uint8_t* work, const float* scales, bool plain) {
    put_partials(warp, work + warp.slice * T::kPartialBytes);
    __syncthreads();
#if __CUDA_ARCH__ >= 900
    if (split_ > 1) send_all(work);
#endif
    for (int unit = static_cast<int>(threadIdx.x); unit < share_ * kUnits; unit += T::kThreads) {
      const int row = first_row_ + unit / kUnits, column = unit % kUnits * 8;
      if (!exists(row, column)) continue;
      int32_t sum[8] = {};
      if (split_ > 1) {
        for (int from = 0; from < split_; ++from) add8(mail_ + from * share_bytes() + unit * 32, sum);
      } else {
        add_slices(work, row, column, sum);
      }
      const uint2 skip = unit < T::kThreads ? skip_ : skip_at(p_, pixel(row), channel(column));
      const Scales8 s = scales_at(scales, kSpec.columns, column);
      if (plain) {
        store8<Outputs::kPlain>(p_, s, sum, skip, pixel(row), channel(column));
      } else {
        store8<Outputs::kGeneral>(p_, s, sum, skip, pixel(row), channel(column));
      }
    }
  }

 private:
  __device__ int pixel(int row) const { return at_.first_pixel + row; }
  __device__ int channel(int column) const { return at_.block * p_.block_out + at_.first_column + column; }
  __device__ bool exists(int row, int column) const {
    return pixel(row) < p_.pixels && at_.first_column + column < p_.stored;
  }
  __device__ int share_bytes() const { return share_ * kSpec.columns * 4; }

  __device__ static void put_partials(const WarpTile<kSpec>& warp, uint8_t* partial) {
#pragma unroll
    for (int q = 0; q < kSpec.warp_columns / 32; ++q) {
#pragma unroll
      for (int i = 0; i < kSpec.warp_rows / 8; ++i) {
        int32_t sum[8];
        warp.gather(q, i / 2, i % 2, sum);
        auto* to = reinterpret_cast<int4*>(partial + warp.row(i / 2, i % 2) * T::kPartialPitch + warp.column(q) * 4);
        to[0] = make_int4(sum[0], sum[1], sum[2], sum[3]);
        to[1] = make_int4(sum[4], sum[5], sum[6], sum[7]);
      }
    }
  }

  __device__ static void add8(const uint8_t* from, int32_t (&sum)[8]) {
    const int4 low = reinterpret_cast<const int4*>(from)[0], high = reinterpret_cast<const int4*>(from)[1];
    sum[0] += low.x, sum[1] += low.y, sum[2] += low.z, sum[3] += low.w;
    sum[4] += high.x, sum[5] += high.y, sum[6] += high.z, sum[7] += high.w;
  }

  __device__ static void add_slices(const uint8_t* work, int row, int column, int32_t (&sum)[8]) {
#pragma unroll
    for (int slice = 0; slice < kSpec.slices; ++slice)
      add8(work + slice * T::kPartialBytes + row * T::kPartialPitch + column * 4, sum);
  }

#if __CUDA_ARCH__ >= 900
  // The tile's sums to the blocks that finish them, this one's own too; returns when all blocks' have come here.
  __device__ void send_all(const uint8_t* work) const {
    cluster_wait();  // their barriers count
    if (threadIdx.x == 0) barrier_expect(barrier_, kMailBytes);
    const uint32_t mail = shared_address(mail_) + rank_ * share_bytes();
    for (int i = static_cast<int>(threadIdx.x); i < T::kRows * kUnits; i += T::kThreads) {
      const int row = i / kUnits, unit = i % kUnits, to = row / share_;
      int32_t sum[8] = {};
      add_slices(work, row, unit * 8, sum);
      send_shared(mail + ((row - to * share_) * kUnits + unit) * 32, barrier_, to, sum);
    }
    barrier_wait(barrier_, 0);
  }
#endif

  const ConvParams& p_;
  const BlockPlace& at_;
  uint8_t* mail_;
  uint32_t barrier_;
  int rank_, split_, share_, first_row_;
  uint2 skip_ = {};
};

}  // namespace qat::cuda
