// The JSON header of a safetensors file, parsed strictly and without a document in memory.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/shape.h"
#include "io/source.h"

namespace qat::io {

struct SafetensorsEntry {
  std::string name;
  DType type = DType::kF32;
  Shape shape;
  std::array<uint64_t, 2> offsets{};  // begin and end, from the end of the header
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;
  std::map<std::string, std::string> metadata;
};

// Throws Error(kBadFile).
SafetensorsHeader parse_header(std::string_view json, MemoryBudget& budget);

std::string_view safetensors_name(DType type);  // "F32", "BF16", "BOOL", ...

}  // namespace qat::io
