// PyTorch's .pth files (zip and pickle): a safe reader (an allow-list, nothing executed) and a writer.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/tensor.h"

namespace qat::io {

struct PyValue;
using PyList = std::vector<PyValue>;  // list and tuple
struct PyItem;
using PyDict = std::vector<PyItem>;  // insertion order; integer keys are read as their decimal text

// A value of a checkpoint. Tensors come contiguous, in their own dtype.
struct PyValue {
  std::variant<std::monostate, bool, int64_t, double, std::string, PyList, PyDict, Tensor> data;
  bool is_tuple = false;

  const PyValue* find(const std::string& key) const;  // of a dict; nullptr where absent
};

struct PyItem {
  PyItem(std::string key, const PyValue& value);
  PyItem(std::string key, PyValue&& value);

  std::string first;
  PyValue second;
};

// Throws Error(kBadFile) naming file and place; Error(kIo) when it cannot be read. Older non-zip files are refused with
// the remedy.
PyValue read_pth(const std::filesystem::path& path);

// Atomic; Python's torch.load(weights_only=True) opens the file.
void write_pth(const std::filesystem::path& path, const PyValue& value);

using StateDict = std::vector<std::pair<std::string, Tensor>>;

}  // namespace qat::io
