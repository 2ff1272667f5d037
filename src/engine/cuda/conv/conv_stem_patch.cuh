// Patches of the image in shared memory for the first layer's kernels, 4 bytes a pixel.
#pragma once

#include "engine/cuda/conv/conv_stem_params.h"
#include "engine/cuda/mma/copy.cuh"

namespace qat::cuda {

// Where a tile of kStemTileWidth x height output pixels lies.
struct StemPlace {
  int image, row, column;
  __device__ StemPlace(const StemParams& p, int tile, int height) {
    uint32_t rest, c, r, n;
    p.tile_columns.split(static_cast<uint32_t>(tile), rest, c);
    p.tile_rows.split(rest, n, r);
    image = static_cast<int>(n), row = static_cast<int>(r) * height, column = static_cast<int>(c) * kStemTileWidth;
  }
};

// 16 bytes at a time where the image's rows begin at multiples of that: a unit is then inside the image or outside, and
// `left` is a multiple of 4 less patch_shift in every tile. By all threads of the block.
__device__ inline void copy_patch(const StemParams& p, const StemPlace& at, uint32_t shared) {
  const int top = at.row * p.stride_h - p.pad_top, left = at.column * p.stride_w - p.pad_left;
  const uint32_t* image = p.x + static_cast<int64_t>(at.image) * p.in_h * p.in_w;
  const auto inside = [&](int h, int w) {
    return static_cast<uint32_t>(h) < static_cast<uint32_t>(p.in_h) &&
           static_cast<uint32_t>(w) < static_cast<uint32_t>(p.in_w);
  };
  if (p.in_w % 4 == 0) {
    const int units = static_cast<int>(p.patch_units.value) * p.patch_height;
    for (int i = static_cast<int>(threadIdx.x); i < units; i += kStemThreads) {
      uint32_t row, unit;
      p.patch_units.split(static_cast<uint32_t>(i), row, unit);
      const int h = top + static_cast<int>(row), w = left - p.patch_shift + static_cast<int>(unit) * 4;
      copy16(shared + i * 16, inside(h, w) ? image + h * p.in_w + w : p.zero_word, 16);
    }
    return;
  }
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  for (int row = warp; row < p.patch_height; row += kStemWarps)
    for (int i = lane; i < p.patch_width; i += 32)
      copy4(shared + (row * p.patch_pitch + p.patch_shift + i) * 4,
            inside(top + row, left + i) ? image + (top + row) * p.in_w + left + i : p.zero_word, 4);
}

}  // namespace qat::cuda
