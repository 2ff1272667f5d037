// Peak with tdpbusd on tiles of 16 x 64 bytes. Eight registers hold sums and operands: however they are shared out, a
// layer deeper than 64 bytes needs a load for each product, so those are measured along, from the first-level cache.
//
// The operands are random bytes. With zeros in one of them, or with fewer loads, a product takes 16 cycles, as many as
// it has rows; with a load each and other data 20 (of half zeros 18) where this was written, whatever their order. It
// is the unit that slows down: the clock of a chain of multiplications beside it does not.
#include "engine/cpu/peak/peak_kernels.h"
#include "engine/cpu/tile/config_amx.h"

namespace qat::kernels {

namespace {

constexpr int kRows = 16, kRowBytes = 64, kProducts = 4;

// Of two registers of activations, two of weights.
struct alignas(64) Operands {
  uint8_t tile[4][kRows * kRowBytes] = {};

  constexpr Operands() {
    uint32_t state = 1;
    for (auto& bytes : tile) {
      for (uint8_t& byte : bytes) {
        state = state * 1664525u + 1013904223u;
        byte = static_cast<uint8_t>(state >> 24);
      }
    }
  }
};

constexpr Operands kOperands;

void int8_rounds(int64_t rounds) {
  const auto& tile = kOperands.tile;
  configure_tiles(kRows, kRows);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int64_t i = 0; i < rounds; ++i) {
    _tile_loadd(4, tile[0], kRowBytes);
    _tile_loadd(6, tile[2], kRowBytes);
    _tile_loadd(7, tile[3], kRowBytes);
    _tile_loadd(5, tile[1], kRowBytes);
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
  _tile_release();
}

}  // namespace

constinit const PeakTiles kPeakAmx{.name = "peak_amx",
                                   .isa = Isa::kAmx,
                                   .int8_operations = int64_t{2} * kProducts * kRows * kRows * kRowBytes,
                                   .int8 = int8_rounds};

}  // namespace qat::kernels
