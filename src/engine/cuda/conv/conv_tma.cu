// Tiles of the bulk-copy convolutions: for many pixels on sm_90.
#include "engine/cuda/conv/conv_kernels.h"
#include "engine/cuda/conv/conv_tma.cuh"

namespace qat::cuda {

// Short depths, where the outputs take most of the time: a set finishes while the other multiplies.
struct Tma128x128 {
  static constexpr TmaSpec kSpec{.rows = 128, .columns = 128, .groups = 1, .sets = 2, .stages = 6};
};
struct Tma256x64 {
  static constexpr TmaSpec kSpec{.rows = 256, .columns = 64, .groups = 1, .sets = 2, .stages = 5};
};
struct Tma64x128 {
  static constexpr TmaSpec kSpec{.rows = 64, .columns = 128, .groups = 1, .sets = 3, .stages = 8};
};
// Long depths: as many sums from a stage as registers hold.
struct Tma128x256 {
  static constexpr TmaSpec kSpec{.rows = 128, .columns = 256, .groups = 2, .sets = 1, .stages = 4};
};
struct Tma256x128 {
  static constexpr TmaSpec kSpec{.rows = 256, .columns = 128, .groups = 2, .sets = 1, .stages = 4};
};
// Few tiles: small ones, two blocks of a multiprocessor, the next kernel's among them.
struct Tma64x64 {
  static constexpr TmaSpec kSpec{.rows = 64, .columns = 64, .groups = 1, .sets = 1, .stages = 6, .blocks = 2};
};
struct Tma64x128Few {
  static constexpr TmaSpec kSpec{.rows = 64, .columns = 128, .groups = 1, .sets = 1, .stages = 4, .blocks = 2};
};

namespace {

template <class Shape>
cudaError_t run(const kernels::ConvProblem& p, const kernels::ConvArgs& a, void*, cudaStream_t stream) {
  return launch_conv_tma<Shape>(p, a, stream);
}

const char* supports(const kernels::ConvProblem& p) { return conv_tma_supports(p, 1); }

template <class Shape>
constexpr ConvKernel entry(const char* name) {
  return {{name, 90, supports, no_workspace<kernels::ConvProblem>, run<Shape>}, mma_packed_bytes, mma_pack};
}

}  // namespace

constinit const ConvKernel kConv128x128Tma = entry<Tma128x128>("conv_s8_128x128x128_tma");
constinit const ConvKernel kConv256x64Tma = entry<Tma256x64>("conv_s8_256x64x128_tma");
constinit const ConvKernel kConv64x128Tma = entry<Tma64x128>("conv_s8_64x128x128_tma");
constinit const ConvKernel kConv128x256Tma = entry<Tma128x256>("conv_s8_128x256x128_tma");
constinit const ConvKernel kConv256x128Tma = entry<Tma256x128>("conv_s8_256x128x128_tma");
constinit const ConvKernel kConv64x64Tma = entry<Tma64x64>("conv_s8_64x64x128_tma");
constinit const ConvKernel kConv64x128TmaFew = entry<Tma64x128Few>("conv_s8_64x128x128_tma_few");

}  // namespace qat::cuda
