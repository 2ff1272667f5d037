// CRC-32 as zip files have it: polynomial 0x04C11DB7 reflected, start and end inverted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace qat::io {

// Continues from `crc`, the value of what came before (0 at the start). Carry-less multiplication where the processor
// has it (about the speed of memory), else a table of 16 steps.
uint32_t crc32(std::span<const std::byte> bytes, uint32_t crc = 0);

namespace detail {
uint32_t crc32_table(std::span<const std::byte> bytes, uint32_t crc);

bool has_crc32_pclmul();
// bytes.size() >= 64 and a multiple of 16; `state` is the inverted crc.
uint32_t crc32_pclmul(std::span<const std::byte> bytes, uint32_t state);
}  // namespace detail

}  // namespace qat::io
