// Strips of 1x1 outputs a thread: see float_depthwise_strip.cuh.
#include "engine/cuda/float_depthwise/float_depthwise_strip.cuh"

namespace qat::cuda {

constinit const FloatDepthwiseKernel kFloatDepthwise1x1 = strip_entry<8, 4, 1, 1>("depthwise_float_1x1");

}  // namespace qat::cuda
