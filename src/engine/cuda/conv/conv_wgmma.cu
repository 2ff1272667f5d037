// Tiles of the wgmma convolutions: for many pixels on sm_90 where conv_tma.cu's do not fit, as windows of an image
// whose padding is not 0.
#include "engine/cuda/conv/conv_kernels.h"
#include "engine/cuda/conv/conv_wgmma.cuh"

namespace qat::cuda {

struct Wgmma128x128 {
  static constexpr WgmmaSpec kSpec{.rows = 128,
                                   .columns = 128,
                                   .group_rows = 64,
                                   .group_columns = 128,
                                   .instruction_columns = 128,
                                   .stages = 3,
                                   .blocks = 2};
};
struct Wgmma128x64 {
  static constexpr WgmmaSpec kSpec{.rows = 128,
                                   .columns = 64,
                                   .group_rows = 64,
                                   .group_columns = 64,
                                   .instruction_columns = 64,
                                   .stages = 4,
                                   .blocks = 2};
};

namespace {

const char* supports(const kernels::ConvProblem& p) {
  const DeviceEpilogue e = device_epilogue(p.epilogue);
  if (!linear(e) || p.epilogue.output == kernels::Output::kF32)
    return "its epilogue has no curved activation, no floats";
  return mma_supports(p);
}

template <class Shape>
cudaError_t run(const kernels::ConvProblem& p, const kernels::ConvArgs& a, void*, cudaStream_t stream) {
  return launch_conv_wgmma<Shape>(conv_params(p, a, Shape::kSpec.columns), stream);
}

template <class Shape>
constexpr ConvKernel entry(const char* name) {
  return {{name, 90, supports, no_workspace<kernels::ConvProblem>, run<Shape>}, mma_packed_bytes, mma_pack};
}

}  // namespace

constinit const ConvKernel kConv128x128Wgmma = entry<Wgmma128x128>("conv_s8_128x128x128_wgmma");
constinit const ConvKernel kConv128x64Wgmma = entry<Wgmma128x64>("conv_s8_128x64x128_wgmma");

}  // namespace qat::cuda
