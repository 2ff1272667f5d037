// A cursor over bytes from a file: every read is checked, numbers are little-endian.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/error.h"

namespace qat::io {

// Each read throws Error(kBadFile) "ends within <what>" instead of passing the end.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes, size_t position = 0) : bytes_(bytes), position_(position) {
    if (position > bytes.size()) fail(Code::kBadFile, "refers to byte ", position, " past its end");
  }

  size_t position() const { return position_; }
  size_t left() const { return bytes_.size() - position_; }

  std::span<const std::byte> take(uint64_t size, const char* what) {
    if (size > left()) fail(Code::kBadFile, "ends within ", what);
    const auto taken = bytes_.subspan(position_, static_cast<size_t>(size));
    position_ += static_cast<size_t>(size);
    return taken;
  }

  std::string_view text(uint64_t size, const char* what) {
    const auto taken = take(size, what);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }

  template <std::integral T>
  T read(const char* what) {
    T value;
    static_assert(std::endian::native == std::endian::little);
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  size_t position_;
};

}  // namespace qat::io
