// Upper clips that convolutions leave to the depthwise layers behind them.
//
// cuDNN's epilogue knows ReLU but no ReLU6: its upper end takes a pass of its own over the output. Where a depthwise
// layer alone reads that output, it takes the minimum as it loads; the stored tensor is then ReLU's.
#pragma once

#include <vector>

#include "engine/runtime/problems.h"

namespace qat::cuda {

// By tensor: the upper end that its reader applies, infinity for none.
std::vector<float> left_clips(const engine::Plan& plan, const std::vector<engine::Extents>& extents);

}  // namespace qat::cuda
