// Tensor maps of a convolution's operands, for the copy engine: made at launch, a kernel's parameter.
#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>

#include "engine/cpu/conv/conv.h"

namespace qat::cuda {

// A box is `row_bytes` (64 or 128, swizzled as mma/swizzle.h has it) of `box_rows` rows.
struct MatrixMap {
  const void* data;
  int64_t row_bytes, rows;  // of the matrix, a multiple of 16
  int box_bytes, box_rows;
};
cudaError_t make_map(const MatrixMap& matrix, CUtensorMap& map);

// The input image of `p`: a box is `box_bytes` of one tap of `box_rows` neighbouring outputs. Outside it is 0.
cudaError_t make_window_map(const kernels::ConvProblem& p, const uint8_t* x, int box_bytes, int box_rows,
                            CUtensorMap& map);

// Null, or why make_window_map cannot do it.
const char* window_map_supports(const kernels::ConvProblem& p);

}  // namespace qat::cuda
