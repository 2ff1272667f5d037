// Tiles with more thread blocks on a multiprocessor: short depths, where memory is the limit, and few channels.
#include "engine/cuda/conv/conv_mma_entry.cuh"

namespace qat::cuda {

struct Tile128x64x64 {
  static constexpr TileSpec kSpec{
      .rows = 128, .columns = 64, .step_bytes = 64, .warp_rows = 64, .warp_columns = 32, .stages = 4, .blocks = 3};
};
struct Tile64x64x128 {
  static constexpr TileSpec kSpec{
      .rows = 64, .columns = 64, .step_bytes = 128, .warp_rows = 32, .warp_columns = 32, .stages = 4, .blocks = 3};
};
struct Tile64x64x64 {
  static constexpr TileSpec kSpec{
      .rows = 64, .columns = 64, .step_bytes = 64, .warp_rows = 32, .warp_columns = 32, .stages = 4, .blocks = 4};
};

constinit const ConvKernel kConv128x64x64Mma = conv_mma_entry<Tile128x64x64>("conv_s8_128x64x64_mma");
constinit const ConvKernel kConv64x64x128Mma = conv_mma_entry<Tile64x64x128>("conv_s8_64x64x128_mma");
constinit const ConvKernel kConv64x64x64Mma = conv_mma_entry<Tile64x64x64>("conv_s8_64x64x64_mma");

}  // namespace qat::cuda
