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

using GatherFunction = void (*)(const GatherTask&);

void gather_rows(const GatherTask& task);
void gather_rows_avx2(const GatherTask& task);
void gather_rows_avx512(const GatherTask& task);

}  // namespace qat::kernels
