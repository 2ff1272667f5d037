// What a tensor-core convolution kernel gets as its parameter: the problem in the units its inner loops count in.
#pragma once

#include "engine/cuda/conv/conv_shape.h"
#include "engine/cuda/epilogue.cuh"
#include "engine/cuda/mma/divide.h"
#include "engine/cuda/unit_epilogue.cuh"

namespace qat::cuda {

// What becomes of the sums.
struct OutputParams {
  const float* multiplier;
  const float* bias;
  const uint8_t* skip;
  void* y;
  DeviceEpilogue epilogue;
  UnitEpilogue unit;
  bool has_skip, f32_output;
  int32_t pixels;
  int32_t block_out;  // outputs of a block of groups
  int32_t stored;     // of a block, a multiple of 8: pad channels are stored too
  int32_t out_channels, out_pitch;

  bool plain() const { return linear(epilogue) && !f32_output; }  // what the unrolled epilogues do
};

struct ConvParams : OutputParams {
  const uint8_t* x;
  const uint8_t* pad_line;
  const int32_t* start;   // [blocks][rows]
  const int8_t* weights;  // [blocks][rows][row_bytes]
  bool reused;            // pixels are read by more than one tap
  int32_t pad_bytes;      // of 16 read from pad_line: 0 where the padding is 0, which cp.async fills in by itself
  Divisor out_image;      // out_h * out_w
  Divisor out_row;        // out_w
  int32_t in_h, in_w, stride_h, stride_w, pad_top, pad_left;
  int32_t kernel_h;
  Divisor kernel_w;
  int32_t dilation_h, dilation_w;
  int32_t pixel_units;         // 16-byte units from one pixel to the next
  Divisor units;               // of a block's channels in one tap
  int32_t step_h, step_w;      // units from one tap to the one below, to the right
  int32_t rows, row_bytes;     // of a block's packed weights
  int32_t depth;               // bytes
  Divisor column_tiles;        // of all blocks
  Divisor block_column_tiles;  // of one
};

OutputParams output_params(const kernels::ConvProblem& p, const kernels::ConvArgs& a, int64_t blocks);

// tile_columns: output channels of a thread block.
ConvParams conv_params(const kernels::ConvProblem& p, const kernels::ConvArgs& a, int64_t tile_columns);

}  // namespace qat::cuda
