// Files: read-only mappings, whole reads, and writes that are atomic (beside the target, synced, renamed).
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace qat {

// A mapping of a regular file. Throws Error(kIo) when it cannot be opened, is a folder or no regular file.
class MappedFile {
 public:
  // kCopyOnWrite: the memory may be written (Tensors that view it); the file never changes.
  enum class Access { kReadOnly, kCopyOnWrite };
  static std::shared_ptr<MappedFile> open(const std::filesystem::path& path, Access access = Access::kReadOnly);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  MappedFile() = default;
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

std::string read_file(const std::filesystem::path& path);  // throws Error(kIo)

// A sink that writes beside `path`; commit() syncs, renames and syncs the folder. Destroyed without commit, it removes
// the temporary file and leaves the old one as it was. Every failure (ENOSPC, EIO, short write) is Error(kIo).
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  size_t position() const { return position_; }
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int fd_ = -1;
  size_t position_ = 0;
  std::string buffer_;
  void flush();
  void write_through(const void* data, size_t size);
};

void write_file(const std::filesystem::path& path, std::string_view content);  // atomic

// Throws as write_file would where `path` cannot be written at all: to be asked before the work whose result goes
// there.
void check_writable(const std::filesystem::path& path);

}  // namespace qat
