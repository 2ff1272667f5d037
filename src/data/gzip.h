// Reading of a file from its start, inflated on the way when it is gzipped.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace qat::data {

// Plain or gzip, by the first bytes. Throws Error(kIo) when the file cannot be opened or read.
class GzipFile {
 public:
  explicit GzipFile(const std::filesystem::path& path);
  ~GzipFile();
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;

  // Up to `size` bytes, fewer at the end only. Throws Error(kBadFile) when the gzip data is truncated or corrupt.
  size_t read(void* into, size_t size);

  // No more than this can come out of the file: its size, times deflate's best ratio when it is gzipped.
  size_t max_size() const { return max_size_; }

 private:
  std::string name_;
  void* file_ = nullptr;  // gzFile
  size_t max_size_ = 0;
};

}  // namespace qat::data
