// Strips of 1x2 outputs a thread: see float_depthwise_strip.cuh.
#include "engine/cuda/float_depthwise/float_depthwise_strip.cuh"

namespace qat::cuda {

constinit const FloatDepthwiseKernel kFloatDepthwise1x2 = strip_entry<4, 4, 1, 2>("depthwise_float_1x2");

}  // namespace qat::cuda
