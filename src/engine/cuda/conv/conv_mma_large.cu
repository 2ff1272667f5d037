// Tiles for many pixels: 64x64 outputs a warp, as many as its registers hold (128 sums a lane).
#include "engine/cuda/conv/conv_mma_entry.cuh"

namespace qat::cuda {

struct Tile256x128x64 {
  static constexpr TileSpec kSpec{
      .rows = 256, .columns = 128, .step_bytes = 64, .warp_rows = 64, .warp_columns = 64, .stages = 4};
};
struct Tile128x256x64 {
  static constexpr TileSpec kSpec{
      .rows = 128, .columns = 256, .step_bytes = 64, .warp_rows = 64, .warp_columns = 64, .stages = 4};
};
struct Tile128x128x128 {
  static constexpr TileSpec kSpec{
      .rows = 128, .columns = 128, .step_bytes = 128, .warp_rows = 64, .warp_columns = 64, .stages = 3, .blocks = 2};
};
struct Tile128x128x64 {
  static constexpr TileSpec kSpec{
      .rows = 128, .columns = 128, .step_bytes = 64, .warp_rows = 64, .warp_columns = 64, .stages = 4, .blocks = 2};
};

constinit const ConvKernel kConv256x128x64Mma = conv_mma_entry<Tile256x128x64>("conv_s8_256x128x64_mma");
constinit const ConvKernel kConv128x256x64Mma = conv_mma_entry<Tile128x256x64>("conv_s8_128x256x64_mma");
constinit const ConvKernel kConv128x128x128Mma = conv_mma_entry<Tile128x128x128>("conv_s8_128x128x128_mma");
constinit const ConvKernel kConv128x128x64Mma = conv_mma_entry<Tile128x128x64>("conv_s8_128x128x64_mma");

}  // namespace qat::cuda
