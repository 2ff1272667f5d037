// The first layer of a network: pixels of 4 bytes (up to 4 channels), any window; mma.sync straight from a patch of the
// image.
//
// A k-step is 32 bytes: two units of 4 neighbouring taps, 4 bytes each. A lane's operand is one tap of one pixel, so it
// reads the patch in shared memory word by word, and no unfolded copy exists. A warp takes 16 neighbouring pixels of an
// output row at a time; thread blocks walk over the tiles with the weights kept in shared memory.
#include <cstring>

#include "engine/cuda/conv/conv_epilogue.cuh"
#include "engine/cuda/conv/conv_kernels.h"
#include "engine/cuda/launch.cuh"
#include "engine/cuda/mma/copy.cuh"
#include "engine/cuda/mma/mma.cuh"

namespace qat::cuda {
namespace {

using kernels::ConvArgs;
using kernels::ConvProblem;

constexpr int kWarps = 8, kThreads = kWarps * 32, kTileWidth = 16, kMaxSteps = 32;

// Packed form: in_zero_point [16], s32 start [rows], then s8 [rows][row_bytes]: rows ordered as conv_shape.h's, a
// window row's taps padded to whole units of 4 with 0. row_bytes / 16 is odd, so that 8 rows lie in different banks.
struct StemShape {
  int64_t row_units, steps, rows, row_bytes;
  explicit StemShape(const ConvProblem& p)
      : row_units((p.kernel_w + 3) / 4),
        steps((p.kernel_h * row_units + 1) / 2),
        rows((p.out_channels + kRowGroup - 1) / kRowGroup * kRowGroup),
        row_bytes(steps * 32 + 16) {}
  size_t packed_bytes() const { return static_cast<size_t>(16 + rows * (4 + row_bytes)); }
  int64_t patch_width(const ConvProblem& p) const {
    return (kTileWidth - 1) * p.stride_w + (row_units * 4 - 1) * p.dilation_w + 1;
  }
  int64_t patch_height(const ConvProblem& p, int64_t tile_height) const {
    return (tile_height - 1) * p.stride_h + (p.kernel_h - 1) * p.dilation_h + 1;
  }
};

size_t packed_bytes(const ConvProblem& p) { return StemShape(p).packed_bytes(); }

void pack(const ConvProblem& p, const int8_t* weights, void* packed) {
  const StemShape shape(p);
  std::memset(packed, 0, shape.packed_bytes());
  std::memset(packed, p.in_zero_point, 16);
  auto* start = static_cast<int32_t*>(packed) + 4;
  auto* rows = reinterpret_cast<int8_t*>(start + shape.rows);
  for (int64_t k = 0; k < p.out_channels; ++k) {
    int8_t* to = rows + (k / kRowGroup * kRowGroup + packed_row(k % kRowGroup)) * shape.row_bytes;
    for (int64_t c = 0; c < p.in_channels; ++c)
      for (int64_t r = 0; r < p.kernel_h; ++r)
        for (int64_t s = 0; s < p.kernel_w; ++s) {
          const int8_t w = *weights++;
          to[(r * shape.row_units * 4 + s) * 4 + c] = w;
          start[k] -= p.in_zero_point * w;
        }
  }
}

struct StemParams : OutputParams {
  const uint32_t* x;
  const int32_t* start;
  const int8_t* weights;
  const uint32_t* zero_word;  // four in_zero_points
  int32_t in_h, in_w, out_h, out_w, stride_h, stride_w, pad_top, pad_left, dilation_w;
  int32_t rows, row_bytes, steps;
  int32_t patch_width, patch_height;
  int32_t tiles;
  Divisor tile_columns, tile_rows;   // tiles across and down an image
  int16_t unit_word[2 * kMaxSteps];  // a unit's first tap in the patch, relative to the window's corner
};

// Where a tile of kTileWidth x height output pixels lies.
struct TilePlace {
  int image, row, column;
  __device__ TilePlace(const StemParams& p, int tile, int height) {
    uint32_t rest, c, r, n;
    p.tile_columns.split(static_cast<uint32_t>(tile), rest, c);
    p.tile_rows.split(rest, n, r);
    image = static_cast<int>(n), row = static_cast<int>(r) * height, column = static_cast<int>(c) * kTileWidth;
  }
};

__device__ void copy_patch(const StemParams& p, const TilePlace& at, uint32_t shared) {
  const int top = at.row * p.stride_h - p.pad_top, left = at.column * p.stride_w - p.pad_left;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  for (int h = warp; h < p.patch_height; h += kWarps) {
    const bool row_inside = static_cast<uint32_t>(top + h) < static_cast<uint32_t>(p.in_h);
    const uint32_t* from = p.x + (static_cast<int64_t>(at.image) * p.in_h + top + h) * p.in_w + left;
    for (int w = lane; w < p.patch_width; w += 32) {
      const bool inside = row_inside && static_cast<uint32_t>(left + w) < static_cast<uint32_t>(p.in_w);
      copy4(shared + (h * p.patch_width + w) * 4, inside ? from + w : p.zero_word, 4);
    }
  }
}

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
    const int row_words = p.stride_h * p.patch_width, half = 8 * p.stride_w;
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
  __device__ void store(const StemParams& p, const TilePlace& at, const float* scales, int first_column, int warp,
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
        store8<kPlain>(p, s, sum, skip_at(p, pixel, channel), pixel, channel);
      }
    }
  }
};

template <int kRows, int kColumns, bool kPlain>
__global__ void __launch_bounds__(kThreads, 2) conv_stem(const __grid_constant__ StemParams p) {
  extern __shared__ __align__(1024) uint8_t shared[];
  auto* scales = reinterpret_cast<float*>(shared);
  uint8_t* weights = shared + column_bytes(kColumns);
  auto* patches = reinterpret_cast<uint32_t*>(weights + kColumns * p.row_bytes);
  const int patch_words = p.patch_width * p.patch_height;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32, g = lane / 4,
            t = lane % 4;
  const int first_column = static_cast<int>(blockIdx.y) * kColumns;
  let_next_start();
  const int8_t* from = p.weights + static_cast<int64_t>(first_column) * p.row_bytes;
  for (int i = static_cast<int>(threadIdx.x) * 16; i < kColumns * p.row_bytes; i += kThreads * 16)
    copy16(shared_address(weights) + i, from + i, 16);
  copy_columns(p, p.start, scales, kColumns, 0, first_column);
  wait_for_previous();
  copy_patch(p, TilePlace(p, static_cast<int>(blockIdx.x), kWarps * kRows), shared_address(patches));
  commit_copies();
  const int corner = warp * kRows * p.stride_h * p.patch_width + g * p.stride_w + t * p.dilation_w;
  const uint32_t rows = shared_address(weights) + (lane / 16 * 8 + lane % 8) * p.row_bytes + lane / 8 % 2 * 16;
  int buffer = 0;
  for (int tile = static_cast<int>(blockIdx.x); tile < p.tiles; tile += static_cast<int>(gridDim.x), buffer ^= 1) {
    const int next = tile + static_cast<int>(gridDim.x);
    if (next < p.tiles)
      copy_patch(p, TilePlace(p, next, kWarps * kRows), shared_address(patches + (buffer ^ 1) * patch_words));
    commit_copies();
    wait_copies<1>();
    __syncthreads();
    StemSums<kRows, kColumns> sums;
    sums.begin(scales, t);
    sums.accumulate(p, patches + buffer * patch_words + corner, rows);
    sums.template store<kPlain>(p, TilePlace(p, tile, kWarps * kRows), scales, first_column, warp, g, t);
    __syncthreads();  // this patch's place is free for the tile after the next
  }
}

template <int kRows, int kColumns>
cudaError_t enqueue(const ConvProblem& p, const ConvArgs& a, cudaStream_t stream) {
  const StemShape shape(p);
  const auto narrow = [](int64_t v) { return static_cast<int32_t>(v); };
  const int64_t height = kWarps * kRows, columns = (p.out_w() + kTileWidth - 1) / kTileWidth;
  const int64_t rows = (p.out_h() + height - 1) / height;
  StemParams to{output_params(p, a, 1)};
  to.x = reinterpret_cast<const uint32_t*>(a.x);
  to.zero_word = static_cast<const uint32_t*>(a.weights);
  to.start = static_cast<const int32_t*>(a.weights) + 4;
  to.weights = reinterpret_cast<const int8_t*>(to.start + shape.rows);
  to.in_h = narrow(p.in_h), to.in_w = narrow(p.in_w), to.out_h = narrow(p.out_h()), to.out_w = narrow(p.out_w());
  to.stride_h = narrow(p.stride_h), to.stride_w = narrow(p.stride_w);
  to.pad_top = narrow(p.pad_top), to.pad_left = narrow(p.pad_left), to.dilation_w = narrow(p.dilation_w);
  to.rows = narrow(shape.rows), to.row_bytes = narrow(shape.row_bytes), to.steps = narrow(shape.steps);
  to.patch_width = narrow(shape.patch_width(p)), to.patch_height = narrow(shape.patch_height(p, height));
  to.tiles = narrow(p.batch * rows * columns);
  to.tile_columns = Divisor(columns), to.tile_rows = Divisor(rows);
  for (int64_t unit = 0; unit < p.kernel_h * shape.row_units; ++unit)
    to.unit_word[unit] = static_cast<int16_t>(unit / shape.row_units * p.dilation_h * to.patch_width +
                                              unit % shape.row_units * 4 * p.dilation_w);
  const int64_t bytes =
      column_bytes(kColumns) + kColumns * shape.row_bytes + int64_t{8} * to.patch_width * to.patch_height;
  const auto kernel = to.plain() ? conv_stem<kRows, kColumns, true> : conv_stem<kRows, kColumns, false>;
  const cudaError_t status = allow_shared_memory(kernel);
  if (status != cudaSuccess) return status;
  constexpr int64_t kMostBlocks = 132 * 3;  // resident at once on an H200; each then walks over several tiles
  const auto blocks = static_cast<unsigned>(to.tiles < kMostBlocks ? to.tiles : kMostBlocks);
  return launch(kernel,
                {.grid = dim3(blocks, static_cast<unsigned>(shape.rows / kColumns)),
                 .block = kThreads,
                 .shared_bytes = static_cast<size_t>(bytes)},
                stream, to);
}

const char* supports(const ConvProblem& p) {
  if (p.in_channels > 4) return "pixels of 4 bytes only";
  if (p.groups != 1) return "one group only";
  if (p.out_channels <= 4) return "it stores 8 channels at a time";
  const StemShape shape(p);
  if (shape.steps > kMaxSteps) return "at most 64 units of 4 taps";
  if (64 * shape.row_bytes + 8 * shape.patch_width(p) * shape.patch_height(p, 2 * kWarps) > 96 * 1024)
    return "weights and patch past 96 KiB of shared memory";
  if (p.pixels() >= int64_t{1} << 30) return "pixel indices have 30 bits";
  return nullptr;
}

// Two rows a warp where there are tiles for every multiprocessor.
cudaError_t run(const ConvProblem& p, const ConvArgs& a, void*, cudaStream_t stream) {
  const bool wide = StemShape(p).rows % 64 == 0, many = p.pixels() > 132 * 2 * kTileWidth * kWarps * 2;
  if (many) return wide ? enqueue<2, 64>(p, a, stream) : enqueue<2, 32>(p, a, stream);
  return wide ? enqueue<1, 64>(p, a, stream) : enqueue<1, 32>(p, a, stream);
}

}  // namespace

constinit const ConvKernel kConvStem{
    {"conv_s8_stem", kAnyCapability, supports, no_workspace<ConvProblem>, run}, packed_bytes, pack};

}  // namespace qat::cuda
