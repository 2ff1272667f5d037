// What the bulk-copy convolution (conv_tma.cuh) gets: its tile, its parameter, its tensor maps.
#pragma once

#include <cuda.h>

#include "engine/cuda/conv/conv_params.h"

namespace qat::cuda {

constexpr int kColumnsTurn = 4;        // the barrier of the threads that load columns; 1 to 3 are the sets' turns
constexpr int kTmaBarrierBytes = 256;  // at the start of shared memory, 16 a stage, the last for a cluster's exchange

struct TmaSpec {
  int rows, columns;  // of a tile
  int groups;         // warpgroups that share a tile, its rows divided among them
  int sets;           // tiles under way
  int stages;         // of the ring, at most
  int blocks = 1;     // of a multiprocessor; where more than one, registers are divided evenly
  int split = 1;      // blocks of a cluster that share a tile's depth; then `sets` is 1
};

struct ConvTmaParams : OutputParams {
  const int32_t* start;
  bool starts;                   // any start is not 0
  bool windows;                  // more than a matrix of pixels: taps, strides or padding
  int32_t stages, stages_at;     // of the ring, as many as a block's tiles need; where they lie in shared memory
  int32_t steps;                 // of 128 bytes of depth
  int32_t box_bytes, tap_boxes;  // of pixels copied at a time: 64 or 128; boxes of one tap
  int32_t kernel_h, kernel_w, dilation_h, dilation_w, stride_h, stride_w, pad_top, pad_left;
  Divisor out_image, out_row;  // of pixels
  Divisor column_tiles;
  uint32_t tiles;
  bool one_tile;        // a block takes one only
  int32_t all_columns;  // whose scales a block keeps: its one tile's, or all, a multiple of the tile's
};

struct ConvTmaMaps {
  CUtensorMap pixels, weights, skip;
};

// Where a tile lies: its neighbours along the channels follow it, since they read the same pixels.
template <TmaSpec kSpec>
struct TmaPlace {
  int first_pixel, first_column;
  __device__ TmaPlace(const ConvTmaParams& p, uint32_t tile) {
    uint32_t m, n;
    p.column_tiles.split(tile, m, n);
    first_pixel = static_cast<int>(m) * kSpec.rows;
    first_column = static_cast<int>(n) * kSpec.columns;
  }
};

ConvTmaParams conv_tma_params(const kernels::ConvProblem& p, const kernels::ConvArgs& a, const TmaSpec& spec);
cudaError_t conv_tma_maps(const kernels::ConvProblem& p, const kernels::ConvArgs& a, const TmaSpec& spec,
                          ConvTmaMaps& maps);

// Null, or why the kernel cannot do it. split: blocks that share the depth.
const char* conv_tma_supports(const kernels::ConvProblem& p, int split);

}  // namespace qat::cuda
