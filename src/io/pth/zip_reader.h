// Reads zip archives as PyTorch writes them: stored entries, zip64; what is ambiguous or compressed is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "io/source.h"

namespace qat::io {

struct ZipEntry {
  std::string_view name;            // points into the archive
  std::span<const std::byte> data;  // the same, as it stands there
  uint16_t method = 0;              // 0: stored, so that `data` is the content
  uint32_t crc = 0;                 // 0: not recorded (torch.serialization.set_crc32_options(False))
};

// Throws Error(kBadFile) for anything that is not exactly one well-formed archive: encrypted entries, duplicate names,
// absolute names or "..", entries that overlap each other or the directory, directories whose counts, sizes or local
// headers disagree.
class ZipArchive {
 public:
  ZipArchive(std::span<const std::byte> bytes, MemoryBudget& budget);

  const ZipEntry* find(std::string_view name) const;                 // nullptr where absent
  const std::vector<ZipEntry>& entries() const { return entries_; }  // by name

 private:
  std::vector<ZipEntry> entries_;
};

// The entry's content. Throws Error(kBadFile) when it is compressed or its checksum does not match.
std::span<const std::byte> checked_data(const ZipEntry& entry);

}  // namespace qat::io
