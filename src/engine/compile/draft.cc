// Blobs of a draft: see draft.h.
#include "engine/compile/draft.h"

#include <cstring>

namespace qat::engine {

Blob Draft::add_zeros(size_t size) {
  blobs.resize((blobs.size() + kBlobAlign - 1) / kBlobAlign * kBlobAlign);
  const Blob blob{.offset = blobs.size(), .size = size};
  blobs.resize(blobs.size() + size);
  return blob;
}

Blob Draft::add_blob(const void* data, size_t size) {
  const Blob blob = add_zeros(size);
  std::memcpy(blobs.data() + blob.offset, data, size);
  return blob;
}

namespace {

struct AlignedBytes {
  explicit AlignedBytes(size_t size) : data(static_cast<std::byte*>(std::aligned_alloc(64, (size + 127) / 64 * 64))) {
    if (data == nullptr) fail(Code::kOutOfMemory, "no memory for an engine of ", size, " bytes");
  }
  ~AlignedBytes() { std::free(data); }
  AlignedBytes(const AlignedBytes&) = delete;
  AlignedBytes& operator=(const AlignedBytes&) = delete;
  std::byte* data;
};

}  // namespace

Plan Draft::finish() && {
  const auto bytes = std::make_shared<AlignedBytes>(blobs.size());
  std::memcpy(bytes->data, blobs.data(), blobs.size());
  plan.blobs = {bytes->data, blobs.size()};
  plan.owner = bytes;
  validate(plan);
  return std::move(plan);
}

}  // namespace qat::engine
