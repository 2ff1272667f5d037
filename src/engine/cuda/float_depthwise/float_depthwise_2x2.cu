// Strips of 2x2 outputs a thread: see float_depthwise_strip.cuh.
#include "engine/cuda/float_depthwise/float_depthwise_strip.cuh"

namespace qat::cuda {

constinit const FloatDepthwiseKernel kFloatDepthwise2x2 = strip_entry<4, 4, 2, 2>("depthwise_float_2x2");

}  // namespace qat::cuda
