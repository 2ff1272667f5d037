// Checksums: XXH3, 64 and 128 bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace qat {

uint64_t hash64(const void* data, size_t size, uint64_t seed = 0);
std::string hash_hex(const void* data, size_t size);  // XXH3-128, 32 hexadecimal digits

}  // namespace qat
