// The registers of AMX: eight of up to 16 rows of 64 bytes. Included by the files of AMX alone.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace qat::kernels {
namespace {

struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {};
};

// Registers 0 and 1: sums of a first tile, 2 and 3: of a second one, 4 and 5: their activations; 6 and 7: weights.
// Until _tile_release().
void configure_tiles(int first, int second) {
  TileConfig config;
  for (const int i : {0, 1, 4}) config.rows[i] = static_cast<uint8_t>(first);
  for (const int i : {2, 3, 5}) config.rows[i] = static_cast<uint8_t>(second);
  config.rows[6] = config.rows[7] = 16;
  asm volatile("" ::"r"(&config) : "memory");  // GCC 12's intrinsic says that it reads the first eight bytes only
  _tile_loadconfig(&config);
}

}  // namespace
}  // namespace qat::kernels
