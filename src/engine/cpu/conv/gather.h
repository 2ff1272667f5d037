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

// Rows of some lines of output pixels from a band of input rows (windows.h), which has its pads and no gaps: every tap
// row is `segment_bytes` neighbours.
struct BandTask {
  const uint8_t* band;  // of the first pixel
  int64_t lines, pixels;
  int64_t line_step, pixel_step, segment_step;  // bytes in the band
  int64_t segments, segment_bytes;
  uint8_t* rows;
  int64_t stride;
};

struct Gather {
  void (*rows)(const GatherTask& task);
  void (*band)(const BandTask& task);
};
extern const Gather kGather, kGatherAvx2, kGatherAvx512;

}  // namespace qat::kernels
