// The directory of an engine file as a stream of fields: a writer, and a reader that checks every bound.
#pragma once

#include <cstring>
#include <span>
#include <string>
#include <type_traits>

#include "base/error.h"

namespace qat::engine {

class WireWriter {
 public:
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void put(const T& value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T)); }
  void put(const std::string& text) {
    put(static_cast<uint32_t>(text.size()));
    bytes_ += text;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Throws Error(kBadFile) "<file>: directory ends at byte 17 of 12" and the like.
class WireReader {
 public:
  WireReader(std::span<const std::byte> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  template <class T>
  requires std::is_trivially_copyable_v<T> T get() {
    T value;
    std::memcpy(&value, take(sizeof(T)), sizeof(T));
    return value;
  }
  std::string text() {
    const auto size = get<uint32_t>();
    return {reinterpret_cast<const char*>(take(size)), size};
  }
  bool flag() { return below<uint8_t>(2) != 0; }

  // An integer that must be less than `limit`.
  template <class T>
  T below(uint64_t limit) {
    const T value = get<T>();
    if (static_cast<uint64_t>(value) >= limit) {
      fail(Code::kBadFile, file_, ": directory byte ", at_ - sizeof(T), ": expected a value below ", limit, ", got ",
           static_cast<uint64_t>(value));
    }
    return value;
  }
  // A count of items of at least `item` bytes each: what cannot fit is refused before memory is asked for.
  size_t length(size_t item) { return below<uint32_t>((bytes_.size() - at_) / item + 1); }

  bool at_end() const { return at_ == bytes_.size(); }

 private:
  const std::byte* take(size_t size) {
    if (size > bytes_.size() - at_) {
      fail(Code::kBadFile, file_, ": directory has ", bytes_.size(), " bytes, a field at ", at_, " needs ", size);
    }
    const std::byte* p = bytes_.data() + at_;
    at_ += size;
    return p;
  }
  std::span<const std::byte> bytes_;
  const std::string& file_;
  size_t at_ = 0;
};

}  // namespace qat::engine
