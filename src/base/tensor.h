// A contiguous host tensor: element type, shape and a shared, 64-byte aligned buffer.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "base/shape.h"

namespace qat {

// Copying a Tensor shares its buffer; clone() copies the data. Row-major, no strides.
class Tensor {
 public:
  Tensor() = default;
  Tensor(DType type, Shape shape);  // zero-filled; throws Error(kOutOfMemory) when the machine has no room

  // A view of memory that `owner` keeps alive (a mapped file). `data` must be aligned to its element.
  Tensor(DType type, Shape shape, std::shared_ptr<void> owner, void* data);

  template <class T>
  static Tensor from(const std::vector<T>& values, Shape shape) {
    Tensor t(DTypeOf<T>::value, std::move(shape));
    QAT_ASSERT(t.size() == static_cast<int64_t>(values.size()));
    std::copy(values.begin(), values.end(), t.template data<T>().begin());
    return t;
  }

  DType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  int64_t dim(size_t axis) const { return shape_.at(axis); }
  int64_t size() const { return size_; }  // elements
  size_t bytes() const { return static_cast<size_t>(size_) * size_of(type_); }
  bool defined() const { return data_ != nullptr; }

  void* raw() { return data_.get(); }
  const void* raw() const { return data_.get(); }

  // Typed views; assert that T is the element type.
  template <class T>
  std::span<T> data() {
    QAT_ASSERT(DTypeOf<T>::value == type_);
    return {static_cast<T*>(data_.get()), static_cast<size_t>(size_)};
  }
  template <class T>
  std::span<const T> data() const {
    QAT_ASSERT(DTypeOf<T>::value == type_);
    return {static_cast<const T*>(data_.get()), static_cast<size_t>(size_)};
  }

  Tensor clone() const;
  Tensor reshaped(Shape shape) const;  // shares the buffer; asserts equal size
  Tensor to(DType type) const;         // converts, rounding to nearest even; integers saturate

 private:
  DType type_ = DType::kF32;
  Shape shape_;
  int64_t size_ = 0;
  std::shared_ptr<void> data_;
};

}  // namespace qat
