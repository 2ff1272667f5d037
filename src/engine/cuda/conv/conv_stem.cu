// The first layer of a network: pixels of 4 bytes (up to 4 channels), any window; mma.sync straight from a patch of the
// image.
//
// A k-step is 32 bytes: two units of 4 neighbouring taps, 4 bytes each. A lane's operand is one tap of one pixel, so it
// reads the patch in shared memory word by word, and no unfolded copy exists. A warp takes 16 neighbouring pixels of an
// output row at a time; thread blocks walk over the tiles with the weights kept in shared memory.
#include "engine/cuda/conv/conv_epilogue.cuh"
#include "engine/cuda/conv/conv_kernels.h"
#include "engine/cuda/conv/conv_stem_patch.cuh"
#include "engine/cuda/launch.cuh"
#include "engine/cuda/mma/mma.cuh"

namespace qat::cuda {
namespace {

using kernels::ConvArgs;
using kernels::ConvProblem;

// kRows: output rows of a warp; kColumns: output channels of a thread block.
template <int kRows, int kColumns>
struct StemSums {
  int32_t sums[kRows][kColumns / 8][4];

  __device__ void begin(const float* scales, int t) {
#pragma unroll
    for (int q = 0; q < kColumns / 32; ++q) {
      int32_t first[8];
      start_at(scales, kColumns, q * 32 + t * 8, first);
#pragma unroll
      for (int i = 0; i < kRows; ++i)
#pragma unroll
        for (int j = 0; j < 16; ++j) sums[i][q * 4 + j / 4][j % 4] = first[j / 4 * 2 + j % 2];
    }
  }

  // corner: the lane's tap in the patch for pixel g of the warp's first row; weights: the lane's row for ldmatrix.
  __device__ void accumulate(const StemParams& p, const uint32_t* corner, uint32_t weights) {
    const int row_words = p.stride_h * p.patch_pitch, half = 8 * p.stride_w;
#pragma unroll 1  // more would not fit in the registers of two blocks
    for (int step = 0; step < p.steps; ++step) {
      uint32_t b[kColumns / 16][4];
#pragma unroll
      for (int j = 0; j < kColumns / 16; ++j) load_matrices(b[j], weights + j * 16 * p.row_bytes + step * 32);
      const uint32_t* low = corner + p.unit_word[2 * step];
      const uint32_t* high = corner + p.unit_word[2 * step + 1];
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        const uint32_t a[4] = {low[i * row_words], low[i * row_words + half], high[i * row_words],
                               high[i * row_words + half]};
#pragma unroll
        for (int j = 0; j < kColumns / 8; ++j) mma_u8s8(sums[i][j], a, b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
      }
    }
  }

  template <bool kPlain>
  __device__ void store(const StemParams& p, const StemPlace& at, const float* scales, int first_column, int warp,
                        int g, int t) const {
#pragma unroll
    for (int q = 0; q < kColumns / 32; ++q) {
      const int column = q * 32 + t * 8, channel = first_column + column;
      if (channel >= p.stored) continue;
      const Scales8 s = scales_at(scales, kColumns, column);
#pragma unroll
      for (int i = 0; i < kRows * 2; ++i) {
        const int row = at.row + warp * kRows + i / 2, x = at.column + i % 2 * 8 + g;
        if (row >= p.out_h || x >= p.out_w) continue;
        const int pixel = (at.image * p.out_h + row) * p.out_w + x;
        int32_t sum[8];
#pragma unroll
        for (int j = 0; j < 8; ++j) sum[j] = sums[i / 2][q * 4 + j / 2][i % 2 * 2 + j % 2];
        store8<kPlain ? Outputs::kPlain : Outputs::kGeneral>(p, s, sum, skip_at(p, pixel, channel), pixel, channel);
      }
    }
  }
};

template <int kRows, int kColumns, bool kPlain>
__global__ void __launch_bounds__(kStemThreads, 2) conv_stem(const __grid_constant__ StemParams p) {
  extern __shared__ __align__(1024) uint8_t shared[];
  auto* scales = reinterpret_cast<float*>(shared);
  uint8_t* weights = shared + column_bytes(kColumns);
  auto* patches = reinterpret_cast<uint32_t*>(weights + kColumns * p.row_bytes);
  const int patch_words = p.patch_pitch * p.patch_height;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32, g = lane / 4,
            t = lane % 4;
  const int first_column = static_cast<int>(blockIdx.y) * kColumns;
  let_next_start();
  const int8_t* from = p.weights + static_cast<int64_t>(first_column) * p.row_bytes;
  for (int i = static_cast<int>(threadIdx.x) * 16; i < kColumns * p.row_bytes; i += kStemThreads * 16)
    copy16(shared_address(weights) + i, from + i, 16);
  copy_columns(p, p.start, scales, kColumns, 0, first_column);
  wait_for_previous();
  copy_patch(p, StemPlace(p, static_cast<int>(blockIdx.x), kStemWarps * kRows), shared_address(patches));
  commit_copies();
  const int corner = warp * kRows * p.stride_h * p.patch_pitch + p.patch_shift + g * p.stride_w + t * p.dilation_w;
  const uint32_t rows = shared_address(weights) + (lane / 16 * 8 + lane % 8) * p.row_bytes + lane / 8 % 2 * 16;
  int buffer = 0;
  for (int tile = static_cast<int>(blockIdx.x); tile < p.tiles; tile += static_cast<int>(gridDim.x), buffer ^= 1) {
    const int next = tile + static_cast<int>(gridDim.x);
    if (next < p.tiles)
      copy_patch(p, StemPlace(p, next, kStemWarps * kRows), shared_address(patches + (buffer ^ 1) * patch_words));
    commit_copies();
    wait_copies<1>();
    __syncthreads();
    StemSums<kRows, kColumns> sums;
    sums.begin(scales, t);
    sums.accumulate(p, patches + buffer * patch_words + corner, rows);
    sums.template store<kPlain>(p, StemPlace(p, tile, kStemWarps * kRows), scales, first_column, warp, g, t);
    __syncthreads();  // this patch's place is free for the tile after the next
  }
}

template <int kRows, int kColumns>
cudaError_t enqueue(const ConvProblem& p, const ConvArgs& a, cudaStream_t stream) {
  const StemParams to = stem_params(p, a, kRows, kColumns);
  const auto kernel = to.plain() ? conv_stem<kRows, kColumns, true> : conv_stem<kRows, kColumns, false>;
  const cudaError_t status = allow_shared_memory(kernel);
  if (status != cudaSuccess) return status;
  return launch(
      kernel,
      {.grid = stem_grid(to, kColumns), .block = kStemThreads, .shared_bytes = static_cast<size_t>(to.shared_bytes)},
      stream, to);
}

// Two rows a warp where there are tiles for every multiprocessor.
cudaError_t run(const ConvProblem& p, const ConvArgs& a, void*, cudaStream_t stream) {
  const bool wide = StemShape(p).rows % 64 == 0, many = p.pixels() > 132 * 2 * kStemTileWidth * kStemWarps * 2;
  if (many) return wide ? enqueue<2, 64>(p, a, stream) : enqueue<2, 32>(p, a, stream);
  return wide ? enqueue<1, 64>(p, a, stream) : enqueue<1, 32>(p, a, stream);
}

}  // namespace

constinit const ConvKernel kConvStem{
    {"conv_s8_stem", kAnyCapability, stem_supports, no_workspace<ConvProblem>, run}, stem_packed_bytes, stem_pack};

}  // namespace qat::cuda
