// The first layer's convolution: its packed form, its tiles, what its kernels get as their parameter.
#pragma once

#include "engine/cuda/conv/conv_params.h"

namespace qat::cuda {

constexpr int kStemWarps = 8, kStemThreads = kStemWarps * 32, kStemTileWidth = 16, kStemMaxSteps = 32;

// Packed form: in_zero_point [16], s32 start [rows], then s8 [rows][row_bytes]: rows ordered as conv_shape.h's, a
// window row's taps padded to whole units of 4 with 0. row_bytes / 16 is odd, so that 8 rows lie in different banks.
struct StemShape {
  int64_t row_units, steps, rows, row_bytes;
  explicit StemShape(const kernels::ConvProblem& p)
      : row_units((p.kernel_w + 3) / 4),
        steps((p.kernel_h * row_units + 1) / 2),
        rows((p.out_channels + kRowGroup - 1) / kRowGroup * kRowGroup),
        row_bytes(steps * 32 + 16) {}
  size_t packed_bytes() const { return static_cast<size_t>(16 + rows * (4 + row_bytes)); }
  int64_t patch_width(const kernels::ConvProblem& p) const {
    return (kStemTileWidth - 1) * p.stride_w + (row_units * 4 - 1) * p.dilation_w + 1;
  }
  // Words from one row of a patch in shared memory to the next, and before its first word: such that a row's 16-byte
  // units are the image's.
  int64_t patch_shift(const kernels::ConvProblem& p) const { return (4 - p.pad_left % 4) % 4; }
  int64_t patch_pitch(const kernels::ConvProblem& p) const { return (patch_shift(p) + patch_width(p) + 3) / 4 * 4; }
  int64_t patch_height(const kernels::ConvProblem& p, int64_t tile_height) const {
    return (tile_height - 1) * p.stride_h + (p.kernel_h - 1) * p.dilation_h + 1;
  }
};

struct StemParams : OutputParams {
  const uint32_t* x;
  const int32_t* start;
  const int8_t* weights;
  const uint32_t* zero_word;  // 16 in_zero_points
  int32_t in_h, in_w, out_h, out_w, stride_h, stride_w, pad_top, pad_left, dilation_w;
  int32_t rows, row_bytes, steps;
  int32_t patch_width, patch_height, patch_pitch, patch_shift;
  Divisor patch_units;   // of 16 bytes in a row
  int32_t shared_bytes;  // columns, weights, two patches
  int32_t tiles;
  Divisor tile_columns, tile_rows;       // tiles across and down an image
  int16_t unit_word[2 * kStemMaxSteps];  // a unit's first tap in the patch, relative to the window's corner
};

size_t stem_packed_bytes(const kernels::ConvProblem& p);
void stem_pack(const kernels::ConvProblem& p, const int8_t* weights, void* packed);

// Null, or why the kernels cannot do it.
const char* stem_supports(const kernels::ConvProblem& p);

// rows: output rows of a warp; columns: output channels of a thread block.
StemParams stem_params(const kernels::ConvProblem& p, const kernels::ConvArgs& a, int rows, int columns);

dim3 stem_grid(const StemParams& p, int columns);

}  // namespace qat::cuda
