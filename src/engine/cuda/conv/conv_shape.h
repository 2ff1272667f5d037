// A convolution as the tensor-core kernels see it, and the form its weights are packed in: one for all of them.
//
// Groups are merged into blocks, so that a block's channels are whole 16-byte units and there are 32 outputs or more;
// within a block the weights are dense, 0 between different groups. One block has any channels.
//
//   packed = pad line    u8 [128]                      in_zero_point: what taps outside the image read
//            start       s32 [blocks][rows]            -in_zero_point * sum of the row's weights
//            weights     s8 [blocks][rows][row_bytes]  depth order (tap row, tap column, channel), from a multiple of
//            128
//
// Rows past a block's outputs and depth past its channels are 0. Within 32 rows the order is the one that gives lane
// 4 g + t of the tensor core's result 8 neighbouring outputs, 8 t .. 8 t + 7, in its 4 blocks of 8 columns: it stores
// them as one word of 8 bytes.
#pragma once

#include "engine/cuda/conv/conv.h"

namespace qat::cuda {

constexpr int64_t kRowGroup = 32;     // outputs whose rows are permuted together
constexpr int64_t kDepthAlign = 128;  // bytes

// Where output `n` of 32 lies among the packed rows: n = 8 t + 2 j + i is column 2 t + i of block j.
constexpr int64_t packed_row(int64_t n) { return n % 8 / 2 * 8 + n / 8 * 2 + n % 2; }

struct ConvShape {
  int64_t blocks = 1;        // merged groups
  int64_t block_in = 1;      // input channels of a block
  int64_t block_out = 1;     // output channels of a block
  int64_t units = 1;         // 16-byte units of a block's channels in one tap
  int64_t rows = kRowGroup;  // packed rows of a block, a multiple of 32
  int64_t depth = 16;        // bytes: taps * units * 16
  int64_t row_bytes = kDepthAlign;

  explicit ConvShape(const kernels::ConvProblem& p);
  size_t start_offset() const { return 128; }
  size_t weights_offset() const { return (128 + static_cast<size_t>(blocks * rows) * 4 + 127) / 128 * 128; }
  size_t packed_bytes() const { return weights_offset() + static_cast<size_t>(blocks * rows * row_bytes); }
};

// Null, or why the tensor-core kernels cannot do it.
const char* mma_supports(const kernels::ConvProblem& p);

size_t mma_packed_bytes(const kernels::ConvProblem& p);
void mma_pack(const kernels::ConvProblem& p, const int8_t* weights, void* packed);

}  // namespace qat::cuda
