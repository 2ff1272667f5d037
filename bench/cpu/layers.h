// The int8 convolutions of two networks at 224 x 224, batch 1: what the benchmarks run through.
#pragma once

#include <string>
#include <vector>

#include "engine/cpu/conv/conv.h"
#include "engine/cpu/depthwise/depthwise.h"

namespace qat::bench {

struct Layer {
  std::string name;
  bool depthwise = false;
  kernels::ConvProblem conv;  // a depthwise layer's geometry too, with groups = channels
};

std::vector<Layer> resnet50(int64_t batch);
std::vector<Layer> mobilenet_v2(int64_t batch);

kernels::DepthwiseProblem as_depthwise(const kernels::ConvProblem& p);

}  // namespace qat::bench
