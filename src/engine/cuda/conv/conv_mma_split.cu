// Tiles for few pixels, where latency is all: slices of a block and blocks of a cluster share the depth.
#include "engine/cuda/conv/conv_mma_entry.cuh"

namespace qat::cuda {

struct Tile64x64x128Split {
  static constexpr TileSpec kSpec{
      .rows = 64, .columns = 64, .step_bytes = 128, .warp_rows = 32, .warp_columns = 32, .slices = 2, .stages = 4};
};
struct Tile64x32x128Split {
  static constexpr TileSpec kSpec{
      .rows = 64, .columns = 32, .step_bytes = 128, .warp_rows = 32, .warp_columns = 32, .slices = 4, .stages = 5};
};
struct Tile32x64x128Split {
  static constexpr TileSpec kSpec{
      .rows = 32, .columns = 64, .step_bytes = 128, .warp_rows = 32, .warp_columns = 32, .slices = 4, .stages = 5};
};
struct Tile32x32x128Split {
  static constexpr TileSpec kSpec{
      .rows = 32, .columns = 32, .step_bytes = 128, .warp_rows = 32, .warp_columns = 32, .slices = 4, .stages = 6};
};

constinit const ConvKernel kConv64x32x128Mma = conv_mma_entry<Tile64x32x128Split>("conv_s8_64x32x128_mma");
constinit const ConvKernel kConv32x64x128Mma = conv_mma_entry<Tile32x64x128Split>("conv_s8_32x64x128_mma");
constinit const ConvKernel kConv64x64x128MmaK2 = conv_mma_entry<Tile64x64x128Split, 2>("conv_s8_64x64x128_mma_k2");
constinit const ConvKernel kConv64x64x128MmaK4 = conv_mma_entry<Tile64x64x128Split, 4>("conv_s8_64x64x128_mma_k4");
constinit const ConvKernel kConv64x64x128MmaK8 = conv_mma_entry<Tile64x64x128Split, 8>("conv_s8_64x64x128_mma_k8");
constinit const ConvKernel kConv64x32x128MmaK2 = conv_mma_entry<Tile64x32x128Split, 2>("conv_s8_64x32x128_mma_k2");
constinit const ConvKernel kConv64x32x128MmaK4 = conv_mma_entry<Tile64x32x128Split, 4>("conv_s8_64x32x128_mma_k4");
constinit const ConvKernel kConv64x32x128MmaK8 = conv_mma_entry<Tile64x32x128Split, 8>("conv_s8_64x32x128_mma_k8");
constinit const ConvKernel kConv32x32x128MmaK4 = conv_mma_entry<Tile32x32x128Split, 4>("conv_s8_32x32x128_mma_k4");
constinit const ConvKernel kConv32x32x128MmaK8 = conv_mma_entry<Tile32x32x128Split, 8>("conv_s8_32x32x128_mma_k8");

}  // namespace qat::cuda
