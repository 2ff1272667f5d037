// The receptive fields of output pixels as contiguous rows, so that a tile reads every convolution as a matrix.
#pragma once

#include "engine/cpu/conv/conv.h"

namespace qat::kernels {

// Bytes that one copy may write past its end, and read past the end of x.
constexpr int64_t kGatherSlack = 64;

// Bytes of a row: [R][S][C/G rounded up to 4]. Pad bytes hold anything: their weights are 0.
inline int64_t row_depth(const ConvProblem& p) { return p.kernel_h * p.kernel_w * pitch_of(p.in_channels / p.groups); }

// Rows of the output pixels [first, first + count) for one group, to rows[i * stride], stride >= row_depth(problem).
struct GatherTask {
  const ConvProblem& problem;
  const uint8_t* x;
  int64_t group, first, count;
  uint8_t* rows;
  int64_t stride;
};

// The columns of a line of outputs (windows.h): of every input pixel the taps below each other, `channels` bytes of
// each.
constexpr int64_t kMaxTapRows = 16;
struct ColumnTask {
  const uint8_t* rows[kMaxTapRows];  // the input rows, pixels `pitch` bytes apart
  int64_t tap_rows, pixels, pitch, channels;
  uint8_t* to;
};

// Pixels `pitch` bytes apart, their first `channels` bytes side by side; writes a few bytes more.
struct DenseTask {
  const uint8_t* from;
  int64_t pixels, pitch, channels;
  uint8_t* to;
};

struct Gather {
  void (*rows)(const GatherTask& task);
  void (*columns)(const ColumnTask& task);
  void (*dense)(const DenseTask& task);
};
extern const Gather kGather, kGatherAvx2, kGatherAvx512;

}  // namespace qat::kernels
