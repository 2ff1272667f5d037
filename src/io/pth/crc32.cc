// CRC-32 by tables, and the choice between the two: see crc32.h.
#include "io/pth/crc32.h"

#include <array>
#include <cstring>

namespace qat::io {

namespace {

constexpr uint32_t kPolynomial = 0xEDB88320u;
constexpr size_t kSteps = 16;  // bytes a turn

// table[k][b]: the crc of byte b followed by k zero bytes.
using Tables = std::array<std::array<uint32_t, 256>, kSteps>;

constexpr Tables make_tables() {
  Tables tables{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1u) != 0 ? kPolynomial : 0u);
    tables[0][b] = crc;
  }
  for (size_t k = 1; k < kSteps; ++k) {
    for (size_t b = 0; b < 256; ++b) {
      const uint32_t before = tables[k - 1][b];
      tables[k][b] = (before >> 8) ^ tables[0][before & 0xFFu];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

namespace detail {

uint32_t crc32_table(std::span<const std::byte> bytes, uint32_t crc) {
  uint32_t state = ~crc;
  while (bytes.size() >= kSteps) {
    std::array<uint8_t, kSteps> chunk;
    std::memcpy(chunk.data(), bytes.data(), kSteps);
    for (size_t i = 0; i < 4; ++i) chunk[i] ^= static_cast<uint8_t>(state >> (8 * i));
    state = 0;
    for (size_t i = 0; i < kSteps; ++i) state ^= kTables[kSteps - 1 - i][chunk[i]];
    bytes = bytes.subspan(kSteps);
  }
  for (const std::byte b : bytes) state = (state >> 8) ^ kTables[0][(state ^ static_cast<uint32_t>(b)) & 0xFFu];
  return ~state;
}

}  // namespace detail

uint32_t crc32(std::span<const std::byte> bytes, uint32_t crc) {
  static const bool fast = detail::has_crc32_pclmul();
  const size_t body = bytes.size() / 16 * 16;
  if (fast && body >= 64) {
    crc = ~detail::crc32_pclmul(bytes.first(body), ~crc);
    bytes = bytes.subspan(body);
  }
  return detail::crc32_table(bytes, crc);
}

}  // namespace qat::io
