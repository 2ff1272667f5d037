// Strips of 7x2 outputs a thread: see float_depthwise_strip.cuh.
#include "engine/cuda/float_depthwise/float_depthwise_strip.cuh"

namespace qat::cuda {

constinit const FloatDepthwiseKernel kFloatDepthwise7x2 = strip_entry<4, 2, 7, 2>("depthwise_float_7x2");

}  // namespace qat::cuda
