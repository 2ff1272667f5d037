// For tests and fuzzers: small files to damage, and a parse that touches everything it got.
#pragma once

#include <cstring>
#include <memory>
#include <string>

#include "io/pth/parse.h"
#include "io/safetensors/safetensors.h"

namespace qat::testing {

// A buffer of exactly this size, 64-byte aligned as a mapping, so that the sanitizer sees every byte read past it.
inline io::Source in_memory(std::string_view bytes) {
  std::shared_ptr<void> copy(::operator new (bytes.size(), std::align_val_t{64}),
                             [](void* p) { ::operator delete (p, std::align_val_t{64}); });
  if (!bytes.empty()) std::memcpy(copy.get(), bytes.data(), bytes.size());  // an empty view may be null
  return {.bytes = {static_cast<const std::byte*>(copy.get()), bytes.size()}, .owner = copy};
}

// Sums every byte of every tensor: a view that reaches outside its file is seen by the sanitizer.
inline uint64_t touch(const Tensor& tensor) {
  uint64_t sum = 0;
  const auto* bytes = static_cast<const uint8_t*>(tensor.raw());
  for (size_t i = 0; i < tensor.bytes(); ++i) sum += bytes[i];
  return sum;
}

inline uint64_t touch(const io::PyValue& value) {
  uint64_t sum = 0;
  if (const auto* tensor = std::get_if<Tensor>(&value.data)) sum += touch(*tensor);
  if (const auto* list = std::get_if<io::PyList>(&value.data)) {
    for (const io::PyValue& item : *list) sum += touch(item);
  }
  if (const auto* dict = std::get_if<io::PyDict>(&value.data)) {
    for (const auto& [key, item] : *dict) sum += key.size() + touch(item);
  }
  return sum;
}

// Both return whether the bytes were accepted; anything but a clean refusal escapes or crashes.
inline bool accepts_pth(std::string_view bytes) {
  try {
    volatile uint64_t sink = touch(io::parse_pth(in_memory(bytes)));
    static_cast<void>(sink);
    return true;
  } catch (const Error& error) {
    if (error.code() != Code::kBadFile) throw;
    return false;
  }
}

inline bool accepts_safetensors(std::string_view bytes) {
  try {
    volatile uint64_t sink = 0;
    for (const auto& [name, tensor] : io::parse_safetensors(in_memory(bytes)).tensors) sink = sink + touch(tensor);
    return true;
  } catch (const Error& error) {
    if (error.code() != Code::kBadFile) throw;
    return false;
  }
}

}  // namespace qat::testing
