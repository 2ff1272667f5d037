// Host tensors: allocation, copies and conversion between element types. See tensor.h.
#include "base/tensor.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/checked.h"

namespace qat {

namespace {

constexpr size_t kAlignment = 64;  // a cache line, and a 512-bit register
constexpr size_t kSlack = 64;      // kernels may read, never use, one register past the end

// Only what lies behind the elements is zeroed: the caller writes those.
std::shared_ptr<void> allocate_for_copy(size_t bytes) {
  const size_t padded = (checked_add(bytes, kSlack, "tensor") + kAlignment - 1) / kAlignment * kAlignment;
  void* memory = std::aligned_alloc(kAlignment, padded);
  if (memory == nullptr)
    fail(Code::kOutOfMemory, "no memory for a tensor of ", human_bytes(static_cast<double>(bytes)),
         "; lower the batch size");
  std::memset(static_cast<std::byte*>(memory) + bytes, 0, padded - bytes);
  return {memory, [](void* p) { std::free(p); }};
}

std::shared_ptr<void> allocate(size_t bytes) {
  std::shared_ptr<void> memory = allocate_for_copy(bytes);
  std::memset(memory.get(), 0, bytes);
  return memory;
}

Tensor unset(DType type, const Shape& shape) {
  const auto elements = static_cast<size_t>(count(shape));
  std::shared_ptr<void> memory = allocate_for_copy(checked_mul(elements, size_of(type), "tensor"));
  void* data = memory.get();
  return {type, shape, std::move(memory), data};
}

template <class T>
double load(T x) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return to_float(x);
  } else {
    return static_cast<double>(x);
  }
}

template <class T>
T store(double x) {
  if constexpr (std::is_same_v<T, Half>) {
    return to_half(static_cast<float>(x));
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    return to_bfloat16(static_cast<float>(x));
  } else if constexpr (std::is_same_v<T, bool>) {
    return x != 0;
  } else if constexpr (std::is_integral_v<T>) {
    if (std::isnan(x)) return 0;
    const double rounded = std::nearbyint(x);
    if (rounded >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    if (rounded <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
    return static_cast<T>(rounded);
  } else {
    return static_cast<T>(x);
  }
}

// Calls f with a null pointer of the element's C++ type.
template <class F>
void with_type(DType type, F&& f) {
  switch (type) {
    case DType::kF32:
      return f(static_cast<float*>(nullptr));
    case DType::kF16:
      return f(static_cast<Half*>(nullptr));
    case DType::kBF16:
      return f(static_cast<BFloat16*>(nullptr));
    case DType::kF64:
      return f(static_cast<double*>(nullptr));
    case DType::kI8:
      return f(static_cast<int8_t*>(nullptr));
    case DType::kU8:
      return f(static_cast<uint8_t*>(nullptr));
    case DType::kI16:
      return f(static_cast<int16_t*>(nullptr));
    case DType::kI32:
      return f(static_cast<int32_t*>(nullptr));
    case DType::kI64:
      return f(static_cast<int64_t*>(nullptr));
    case DType::kBool:
      return f(static_cast<bool*>(nullptr));
  }
}

}  // namespace

Tensor::Tensor(DType type, Shape shape) : type_(type), shape_(std::move(shape)), size_(count(shape_)) {
  data_ = allocate(checked_mul(static_cast<size_t>(size_), size_of(type_), "tensor"));
}

Tensor::Tensor(DType type, Shape shape, std::shared_ptr<void> owner, void* data)
    : type_(type), shape_(std::move(shape)), size_(count(shape_)), data_(std::move(owner), data) {
  QAT_ASSERT(reinterpret_cast<uintptr_t>(data) % size_of(type_) == 0);
}

Tensor Tensor::clone() const {
  if (!defined()) return {};
  Tensor copy = unset(type_, shape_);
  std::memcpy(copy.raw(), raw(), bytes());
  return copy;
}

Tensor Tensor::reshaped(Shape shape) const {
  QAT_ASSERT(count(shape) == size_);
  Tensor view = *this;
  view.shape_ = std::move(shape);
  return view;
}

Tensor Tensor::to(DType type) const {
  if (type == type_) return clone();
  Tensor result = unset(type, shape_);
  with_type(type_, [&](auto* from) {
    with_type(type, [&](auto* into) {
      using From = std::remove_pointer_t<decltype(from)>;
      using Into = std::remove_pointer_t<decltype(into)>;
      const std::span<const From> source = data<From>();
      const std::span<Into> target = result.template data<Into>();
      if constexpr (std::is_integral_v<From> && std::is_integral_v<Into> && sizeof(Into) >= sizeof(From) &&
                    std::is_signed_v<From> == std::is_signed_v<Into> && !std::is_same_v<Into, bool>) {
        std::copy(source.begin(), source.end(), target.begin());  // exact: i64 does not fit a double
      } else {
        std::transform(source.begin(), source.end(), target.begin(), [](From x) { return store<Into>(load(x)); });
      }
    });
  });
  return result;
}

}  // namespace qat
