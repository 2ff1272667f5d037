// Winograd for AVX-VNNI.
#include "engine/cpu/conv/conv_kernels.h"
#include "engine/cpu/conv/winograd256.h"

namespace qat::kernels {
namespace {

struct AvxVnni : Winograd256 {
  static constexpr const TileSet& kTiles = kTileWordsAvxVnni;
};

}  // namespace

constinit const ConvKernel kWinogradAvxVnni =
    make_winograd_kernel<AvxVnni>("conv_s8_winograd_6x16_avxvnni", Isa::kAvxVnni);

}  // namespace qat::kernels
