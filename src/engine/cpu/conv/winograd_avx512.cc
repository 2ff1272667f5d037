// Winograd for AVX-512.
#include "engine/cpu/conv/conv_kernels.h"
#include "engine/cpu/conv/winograd512.h"

namespace qat::kernels {
namespace {

struct Avx512 : Winograd512 {
  static constexpr const TileSet& kTiles = kTileWordsAvx512;
};

}  // namespace

constinit const ConvKernel kWinogradAvx512 =
    make_winograd_kernel<Avx512>("conv_s8_winograd_14x32_avx512", Isa::kAvx512);

}  // namespace qat::kernels
