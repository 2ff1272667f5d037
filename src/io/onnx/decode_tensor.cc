// Tensor data in its three forms: raw bytes, typed lists of numbers, and ranges of other files.
#include "io/onnx/decode_tensor.h"

#include <charconv>
#include <cstring>
#include <set>

#include "base/checked.h"

namespace qat::onnxio {

namespace {

// Expected count of elements of a typed list; checked before memory is asked for.
template <class List>
void expect_count(const std::string& name, const List& list, int64_t expected) {
  if (list.size() == expected) return;
  fail(Code::kBadFile, "[", name, "] expected ", expected, " values for this shape, got ", list.size());
}

template <class T, class List>
Tensor from_list(const std::string& name, const List& list, const Shape& shape) {
  expect_count(name, list, count(shape));
  Tensor tensor(DTypeOf<T>::value, shape);
  auto out = tensor.data<T>().begin();
  for (const auto value : list) {
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
      (out++)->bits = static_cast<uint16_t>(value);
    } else {
      *out++ = static_cast<T>(value);
    }
  }
  return tensor;
}

Tensor from_typed(const std::string& name, const ::onnx::TensorProto& proto, DType type, const Shape& shape) {
  switch (type) {
    case DType::kF32:
      return from_list<float>(name, proto.float_data(), shape);
    case DType::kF64:
      return from_list<double>(name, proto.double_data(), shape);
    case DType::kI64:
      return from_list<int64_t>(name, proto.int64_data(), shape);
    case DType::kI32:
      return from_list<int32_t>(name, proto.int32_data(), shape);
    case DType::kI16:
      return from_list<int16_t>(name, proto.int32_data(), shape);
    case DType::kI8:
      return from_list<int8_t>(name, proto.int32_data(), shape);
    case DType::kU8:
      return from_list<uint8_t>(name, proto.int32_data(), shape);
    case DType::kF16:
      return from_list<Half>(name, proto.int32_data(), shape);
    case DType::kBF16:
      return from_list<BFloat16>(name, proto.int32_data(), shape);
    case DType::kBool:
      return from_list<bool>(name, proto.int32_data(), shape);
  }
  fail(Code::kBadFile, "[", name, "] unknown element type");
}

// A bool of any other byte than 0 and 1 is undefined behaviour to read.
void normalize_bools(Tensor& tensor) {
  auto* bytes = static_cast<uint8_t*>(tensor.raw());
  for (int64_t i = 0; i < tensor.size(); ++i) bytes[i] = bytes[i] != 0;
}

int64_t parse_number(const std::string& name, const std::string& key, const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    fail(Code::kBadFile, "[", name, "] expected a number of bytes in external data's ", key, ", got \"", text, "\"");
  }
  return value;
}

int64_t byte_size(const Shape& shape, DType type, const std::string& name) {
  const std::string place = cat("[", name, "]");
  auto bytes = static_cast<int64_t>(size_of(type));
  for (const int64_t extent : shape) {
    if (extent < 0) fail(Code::kBadFile, place, " negative extent ", extent);
    bytes = checked_mul(bytes, extent, place.c_str());
  }
  return bytes;
}

}  // namespace

ExternalData::Range external_range(const ::onnx::TensorProto& proto, const std::string& name) {
  ExternalData::Range range;
  std::set<std::string> keys;
  for (const auto& entry : proto.external_data()) {
    // Readers differ in which of two they take.
    if (!keys.insert(entry.key()).second) {
      fail(Code::kBadFile, "[", name, "] external data's ", entry.key(), " is given twice");
    }
    if (entry.key() == "location") range.location = entry.value();
    if (entry.key() == "offset") range.offset = parse_number(name, "offset", entry.value());
    if (entry.key() == "length") range.length = parse_number(name, "length", entry.value());
  }
  return range;
}

std::variant<Tensor, Unreadable> decode_tensor(::onnx::TensorProto& proto, const std::string& name,
                                               ExternalData& external) {
  const auto type = dtype_of(proto.data_type());
  if (!type) return Unreadable{cat("element type ", proto.data_type())};
  const Shape shape(proto.dims().begin(), proto.dims().end());
  const int64_t bytes = byte_size(shape, *type, name);
  Tensor tensor;
  if (proto.data_location() == ::onnx::TensorProto::EXTERNAL) {
    tensor = external.read(name, external_range(proto, name), *type, shape);
  } else if (proto.has_raw_data()) {
    if (static_cast<int64_t>(proto.raw_data().size()) != bytes) {
      fail(Code::kBadFile, "[", name, "] expected ", bytes, " bytes for ", to_string(shape), " ", name_of(*type),
           ", got ", proto.raw_data().size());
    }
    tensor = Tensor(*type, shape);
    if (bytes > 0) std::memcpy(tensor.raw(), proto.raw_data().data(), static_cast<size_t>(bytes));
  } else {
    tensor = from_typed(name, proto, *type, shape);
  }
  proto.Clear();
  if (*type == DType::kBool) normalize_bools(tensor);
  return tensor;
}

}  // namespace qat::onnxio
