// Writes zip archives as PyTorch does: stored entries, each one's data at a multiple of 64 bytes, zip64 where needed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace qat::io {

// Entries go straight to the file; nothing is held but the directory. Call finish() once, then the file's commit().
class ZipWriter {
 public:
  static constexpr size_t kAlignment = 64;

  explicit ZipWriter(AtomicFile& file) : file_(file) {}

  void add(std::string_view name, std::span<const std::byte> data);
  void add(std::string_view name, std::string_view text);
  void finish();

 private:
  struct Entry {
    std::string name;
    uint32_t crc = 0;
    uint64_t size = 0, header = 0;
  };
  void write_end(uint64_t directory_begin);

  AtomicFile& file_;
  std::vector<Entry> entries_;
};

}  // namespace qat::io
