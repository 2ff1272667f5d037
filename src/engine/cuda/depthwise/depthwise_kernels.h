// The entries of the depthwise table.
#pragma once

#include "engine/cuda/depthwise/depthwise.h"

namespace qat::cuda {

// depthwise_s8_rows<n>: a thread makes n output rows of a few columns and 4 channels; fewer rows make more threads.
extern const DepthwiseKernel kDepthwiseRows4;
extern const DepthwiseKernel kDepthwiseRows2;
extern const DepthwiseKernel kDepthwiseRows1;
extern const DepthwiseKernel kDepthwiseReference;

}  // namespace qat::cuda
