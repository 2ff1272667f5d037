// Writes plain values as a pickle of protocol 2, as torch.save does; tensors become views of numbered storages.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "io/pth/pth.h"

namespace qat::io {

class Pickler {
 public:
  // The pickle of `value`. Throws Error(kFailure) for a string that is not UTF-8: Python could not open the file.
  std::string run(const PyValue& value);

  // Contents of data/0, data/1, ...; Tensors of one buffer share their storage.
  const std::vector<Tensor>& storages() const { return storages_; }

 private:
  void put(const PyValue& value);
  void put_int(int64_t value);
  void put_float(double value);
  void put_text(const std::string& text);
  void put_list(const PyList& list);
  void put_tuple(const PyList& tuple);
  void put_dict(const PyDict& dict);
  void put_tensor(const Tensor& tensor);
  void put_shape(const Shape& shape);
  size_t storage_of(const Tensor& tensor);

  std::string out_;
  std::vector<Tensor> storages_;
  std::map<std::tuple<const void*, size_t, DType>, size_t> known_;  // buffer, bytes, type -> index
};

}  // namespace qat::io
