// Turns the tensors of a pickle, views of shared storages, into Tensors of their own shape.
#pragma once

#include <string>
#include <unordered_map>

#include "base/tensor.h"
#include "io/pth/pickle_objects.h"
#include "io/pth/zip_reader.h"

namespace qat::io {

// A row-major view of aligned data stays in the mapped file (no copy); any other view is copied to row-major order,
// within the budget. Each storage's size, checksum and booleans are checked once. Throws Error(kBadFile).
class TensorViews {
 public:
  // `folder`: of the archive, e.g. "archive/data/".
  TensorViews(const Source& source, const ZipArchive& archive, std::string folder, const Objects& objects,
              MemoryBudget& budget)
      : source_(source), archive_(archive), folder_(std::move(folder)), objects_(objects), budget_(budget) {}

  Tensor get(ObjectId tensor);

 private:
  std::span<const std::byte> storage_bytes(const StorageObject& storage);
  Tensor make(const TensorObject& view);

  const Source& source_;
  const ZipArchive& archive_;
  std::string folder_;
  const Objects& objects_;
  MemoryBudget& budget_;
  std::unordered_map<std::string_view, const StorageObject*> checked_;  // storages by key
  std::unordered_map<ObjectId, Tensor> done_;                           // the same tensor twice shares its copy
};

}  // namespace qat::io
