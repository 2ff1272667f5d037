// Tensors that a model file keeps in files beside it.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/tensor.h"

namespace qat::onnxio {

// Reads ranges of files in the model's folder and below. Refused with Error(kBadFile): absolute paths, "..", symbolic
// links anywhere in the location, anything but a regular file, ranges outside the file, and more bytes in all than
// twice the file holds (a small file could otherwise name one range a million times).
class ExternalData {
 public:
  explicit ExternalData(std::filesystem::path folder) : folder_(std::move(folder)) {}

  struct Range {
    std::string location;
    int64_t offset = 0;
    int64_t length = -1;  // -1: whatever the tensor needs
  };
  // The range as a tensor of `type` and `shape`, checked before memory is asked for. `tensor` is its
  // name, for messages.
  Tensor read(const std::string& tensor, const Range& range, DType type, const Shape& shape);
  // The same checks without reading, as far as they need no type and shape.
  void check(const std::string& tensor, const Range& range) const;

 private:
  std::filesystem::path folder_;
  std::map<std::string, int64_t> used_;  // bytes read so far, by location
};

}  // namespace qat::onnxio
