// Tiles of the bulk-copy convolutions whose depth a cluster shares: for few pixels and long depths on sm_90. Larger
// ones were never the fastest.
#include "engine/cuda/conv/conv_kernels.h"
#include "engine/cuda/conv/conv_tma_split.cuh"

namespace qat::cuda {

template <int kSplit>
struct Tma64x64Split {
  static constexpr TmaSpec kSpec{
      .rows = 64, .columns = 64, .groups = 1, .sets = 1, .stages = 6, .blocks = 2, .split = kSplit};
};
template <int kSplit>
struct Tma64x128Split {
  static constexpr TmaSpec kSpec{
      .rows = 64, .columns = 128, .groups = 1, .sets = 1, .stages = 4, .blocks = 2, .split = kSplit};
};

namespace {

template <class Shape>
const char* supports(const kernels::ConvProblem& p) {
  return conv_tma_supports(p, Shape::kSpec.split);
}

template <class Shape>
cudaError_t run(const kernels::ConvProblem& p, const kernels::ConvArgs& a, void*, cudaStream_t stream) {
  return launch_conv_tma_split<Shape>(p, a, stream);
}

template <class Shape>
constexpr ConvKernel entry(const char* name) {
  return {{name, 90, supports<Shape>, no_workspace<kernels::ConvProblem>, run<Shape>}, mma_packed_bytes, mma_pack};
}

}  // namespace

constinit const ConvKernel kConv64x64TmaK2 = entry<Tma64x64Split<2>>("conv_s8_64x64x128_tma_k2");
constinit const ConvKernel kConv64x64TmaK4 = entry<Tma64x64Split<4>>("conv_s8_64x64x128_tma_k4");
constinit const ConvKernel kConv64x128TmaK2 = entry<Tma64x128Split<2>>("conv_s8_64x128x128_tma_k2");
constinit const ConvKernel kConv64x128TmaK4 = entry<Tma64x128Split<4>>("conv_s8_64x128x128_tma_k4");

}  // namespace qat::cuda
