// The bytes a parser reads, who keeps them alive, and how much memory they may make it use.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"

namespace qat::io {

// A parser's input. Tensors may point into `bytes`; they then hold `owner`, so the memory must be writable (a
// copy-on-write mapping): whoever gets a Tensor may change it.
struct Source {
  std::span<const std::byte> bytes;
  std::shared_ptr<void> owner;
};

// Maps the file, copy on write. Throws Error(kIo).
Source map_source(const std::filesystem::path& path);

// What a parser may allocate beside the mapped file, so that both stay under twice the file plus 64 MiB. Parsers charge
// before they allocate; a hostile file ends as an Error instead of taking the machine's memory.
class MemoryBudget {
 public:
  static constexpr size_t kExtra = size_t{52} << 20;  // the rest of the 64 MiB is the process itself

  explicit MemoryBudget(size_t file_bytes) : left_(file_bytes + kExtra) {}

  void charge(size_t bytes) {
    if (bytes > left_) fail(Code::kBadFile, "its contents would take far more memory than the file's size");
    left_ -= bytes;
  }

 private:
  size_t left_;
};

// Runs a parser and puts "[path] " before the message of what it throws.
template <class Parse>
auto with_place(const std::filesystem::path& path, Parse&& parse) {
  try {
    return parse();
  } catch (const Error& error) {
    throw Error(error.code(), cat("[", path.string(), "] ", error.what()));
  } catch (const std::bad_alloc&) {
    fail(Code::kOutOfMemory, "[", path.string(), "] no memory left to read the file");
  }
}

}  // namespace qat::io
