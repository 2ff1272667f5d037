// Walking [rows, channels] in tiles of one vector's width, in blocks of rows that stay in the first-level cache.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace qat::train {

// Loads and stores of a tile; kFull: the whole vector, known at compile time.
template <class S, bool kFull>
struct Tile {
  int n;
  typename S::V load(const float* p) const {
    if constexpr (kFull) return S::load(p);
    return S::load_n(p, n);
  }
  void store(float* p, typename S::V v) const {
    if constexpr (kFull) return S::store(p, v);
    S::store_n(p, v, n);
  }
  void store_bits(uint8_t* p, uint32_t bits) const {
    if constexpr (kFull) {
      std::memcpy(p, &bits, S::kWidth / 8);
    } else {
      bits &= (1u << n) - 1u;
      std::memcpy(p, &bits, static_cast<size_t>(n + 7) / 8);
    }
  }
  typename S::M load_bits(const uint8_t* p) const {
    uint32_t bits = 0;
    std::memcpy(&bits, p, kFull ? S::kWidth / 8 : static_cast<size_t>(n + 7) / 8);
    return S::from_bits(bits);
  }
};

// body(row0, row1, channel, n). 4096 elements of a few tensors fit 48 KiB; a vector of channels stays in registers.
template <class S, class Body>
void for_tiles(int64_t rows, int64_t channels, const Body& body) {
  const int64_t block = std::max<int64_t>(1, 4096 / std::max<int64_t>(1, channels));
  for (int64_t r = 0; r < rows; r += block) {
    const int64_t end = std::min(rows, r + block);
    for (int64_t c = 0; c < channels; c += S::kWidth) {
      body(r, end, c, static_cast<int>(std::min<int64_t>(S::kWidth, channels - c)));
    }
  }
}

}  // namespace qat::train
