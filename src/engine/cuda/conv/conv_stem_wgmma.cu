// The first layer by wgmma (sm_90a): conv_stem.cu's tiles, patches and operands, the pixels' from registers, the
// weights' from shared memory where the tensor cores read them, and outputs by unit_epilogue.cuh.
//
// The 64 rows of a product are 16 pixels of each of a warpgroup's four warps, so a lane's registers are mma.sync's. The
// weights lie in units of 16 bytes of depth, each [columns][16]: a unit is a core matrix after another, without
// swizzle.
#include "engine/cuda/conv/conv_epilogue.cuh"
#include "engine/cuda/conv/conv_kernels.h"
#include "engine/cuda/conv/conv_stem_patch.cuh"
#include "engine/cuda/launch.cuh"
#include "engine/cuda/mma/wgmma.cuh"

namespace qat::cuda {
namespace {

using kernels::ConvArgs;
using kernels::ConvProblem;

constexpr int kRows = 2;                    // of pixels a warp
[[maybe_unused]] constexpr int kBatch = 4;  // steps whose operands are loaded at a time; for sm_90a alone

template <int kColumns>
struct Sums {
  int32_t sums[kRows][kColumns / 2];

  __device__ void begin(const float* scales, int t) {
#pragma unroll
    for (int q = 0; q < kColumns / 32; ++q) {
      int32_t first[8];
      start_at(scales, kColumns, q * 32 + t * 8, first);
#pragma unroll
      for (int i = 0; i < kRows; ++i)
#pragma unroll
        for (int j = 0; j < 16; ++j) sums[i][q * 16 + j] = first[j / 4 * 2 + j % 2];
    }
  }

  // corner: the lane's tap in the patch for pixel g of the warp's first row; weights: the address of unit 0.
  __device__ void accumulate(const StemParams& p, const uint32_t* corner, uint32_t weights) {
    const int row_words = p.stride_h * p.patch_pitch, half = 8 * p.stride_w;
#pragma unroll 1
    for (int first = 0; first < p.steps; first += kBatch) {
      uint32_t a[kBatch][kRows][4];
#pragma unroll
      for (int k = 0; k < kBatch; ++k) {
        const int step = min(first + k, p.steps - 1);
        const uint32_t *low = corner + p.unit_word[2 * step], *high = corner + p.unit_word[2 * step + 1];
#pragma unroll
        for (int i = 0; i < kRows; ++i)
#pragma unroll
          for (int j = 0; j < 4; ++j) {
            const uint32_t word = (j < 2 ? low : high)[i * row_words + j % 2 * half];
            a[k][i][j] = first + k < p.steps ? word : 0;  // past the last step products add nothing
          }
      }
      wgmma_begin();
#pragma unroll
      for (int k = 0; k < kBatch; ++k) {
        const int step = min(first + k, p.steps - 1);
        const uint64_t b = wgmma_plain_operand(weights + step * kColumns * 32, kColumns * 16);
#pragma unroll
        for (int i = 0; i < kRows; ++i) wgmma_u8s8(sums[i], a[k][i], b);
      }
      wgmma_commit();
      wgmma_wait<0>();
    }
  }

  template <bool kUnitOutputs>
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
        for (int j = 0; j < 8; ++j) sum[j] = sums[i / 2][q * 16 + j / 2 * 4 + i % 2 * 2 + j % 2];
        store8<kUnitOutputs ? Outputs::kUnit : Outputs::kPlain>(p, s, sum, skip_at(p, pixel, channel), pixel, channel);
      }
    }
  }
};

// The packed rows, unit by unit of 16 bytes.
[[maybe_unused]] __device__ inline void copy_weights(const StemParams& p, int first_column, int columns,
                                                     uint32_t shared) {
  const int units = p.steps * 2;
  const int8_t* from = p.weights + static_cast<int64_t>(first_column) * p.row_bytes;
  for (int i = static_cast<int>(threadIdx.x); i < columns * units; i += kStemThreads) {
    const int row = i / units, unit = i % units;
    copy16(shared + (unit * columns + row) * 16, from + row * p.row_bytes + unit * 16, 16);
  }
}

template <int kColumns>
__global__ void __launch_bounds__(kStemThreads, 2) conv_stem_wgmma(const __grid_constant__ StemParams p) {
#if __CUDA_ARCH_FEAT_SM90_ALL
  extern __shared__ __align__(1024) uint8_t shared[];
  auto* scales = reinterpret_cast<float*>(shared);
  uint8_t* weights = shared + column_bytes(kColumns);
  auto* patches = reinterpret_cast<uint32_t*>(weights + kColumns * p.row_bytes);
  const int patch_words = p.patch_pitch * p.patch_height;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32, g = lane / 4,
            t = lane % 4;
  const int first_column = static_cast<int>(blockIdx.y) * kColumns;
  let_next_start();
  copy_weights(p, first_column, kColumns, shared_address(weights));
  copy_columns(p, p.start, scales, kColumns, 0, first_column);
  wait_for_previous();
  copy_patch(p, StemPlace(p, static_cast<int>(blockIdx.x), kStemWarps * kRows), shared_address(patches));
  commit_copies();
  wait_copies<0>();
  publish_to_tensor_cores();
  __syncthreads();
  const bool unit = to_unit(p.unit, scales, kColumns);
  const int corner = warp * kRows * p.stride_h * p.patch_pitch + p.patch_shift + g * p.stride_w + t * p.dilation_w;
  int buffer = 0;
  for (int tile = static_cast<int>(blockIdx.x); tile < p.tiles; tile += static_cast<int>(gridDim.x), buffer ^= 1) {
    const int next = tile + static_cast<int>(gridDim.x);
    if (next < p.tiles)
      copy_patch(p, StemPlace(p, next, kStemWarps * kRows), shared_address(patches + (buffer ^ 1) * patch_words));
    commit_copies();
    Sums<kColumns> sums;
    sums.begin(scales, t);
    sums.accumulate(p, patches + buffer * patch_words + corner, shared_address(weights));
    const StemPlace at(p, tile, kStemWarps * kRows);
    unit ? sums.template store<true>(p, at, scales, first_column, warp, g, t)
         : sums.template store<false>(p, at, scales, first_column, warp, g, t);
    wait_copies<0>();
    __syncthreads();  // the next patch is there, this one's place free
  }
#endif
}

template <int kColumns>
cudaError_t enqueue(const ConvProblem& p, const ConvArgs& a, cudaStream_t stream) {
  const StemParams to = stem_params(p, a, kRows, kColumns);
  const auto kernel = conv_stem_wgmma<kColumns>;
  const cudaError_t status = allow_shared_memory(kernel);
  if (status != cudaSuccess) return status;
  return launch(
      kernel,
      {.grid = stem_grid(to, kColumns), .block = kStemThreads, .shared_bytes = static_cast<size_t>(to.shared_bytes)},
      stream, to);
}

const char* supports(const ConvProblem& p) {
  if (!output_params(p, {}, 1).plain()) return "its epilogue has no curved activation, no floats";
  return stem_supports(p);
}

cudaError_t run(const ConvProblem& p, const ConvArgs& a, void*, cudaStream_t stream) {
  return StemShape(p).rows % 64 == 0 ? enqueue<64>(p, a, stream) : enqueue<32>(p, a, stream);
}

}  // namespace

constinit const ConvKernel kConvStemWgmma{
    {"conv_s8_stem_wgmma", 90, supports, no_workspace<ConvProblem>, run}, stem_packed_bytes, stem_pack};

}  // namespace qat::cuda
