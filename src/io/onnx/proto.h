// The generated protobuf classes, for decode and encode only: they must not meet LibTorch's older ones.
#pragma once

#include <onnx/onnx_pb.h>

#include <optional>

#include "base/dtype.h"

namespace qat::onnxio {

inline std::optional<DType> dtype_of(int onnx_type) {
  switch (onnx_type) {
    case ::onnx::TensorProto::FLOAT:
      return DType::kF32;
    case ::onnx::TensorProto::FLOAT16:
      return DType::kF16;
    case ::onnx::TensorProto::BFLOAT16:
      return DType::kBF16;
    case ::onnx::TensorProto::DOUBLE:
      return DType::kF64;
    case ::onnx::TensorProto::INT8:
      return DType::kI8;
    case ::onnx::TensorProto::UINT8:
      return DType::kU8;
    case ::onnx::TensorProto::INT16:
      return DType::kI16;
    case ::onnx::TensorProto::INT32:
      return DType::kI32;
    case ::onnx::TensorProto::INT64:
      return DType::kI64;
    case ::onnx::TensorProto::BOOL:
      return DType::kBool;
    default:
      return std::nullopt;
  }
}

inline int onnx_type_of(DType type) {
  switch (type) {
    case DType::kF32:
      return ::onnx::TensorProto::FLOAT;
    case DType::kF16:
      return ::onnx::TensorProto::FLOAT16;
    case DType::kBF16:
      return ::onnx::TensorProto::BFLOAT16;
    case DType::kF64:
      return ::onnx::TensorProto::DOUBLE;
    case DType::kI8:
      return ::onnx::TensorProto::INT8;
    case DType::kU8:
      return ::onnx::TensorProto::UINT8;
    case DType::kI16:
      return ::onnx::TensorProto::INT16;
    case DType::kI32:
      return ::onnx::TensorProto::INT32;
    case DType::kI64:
      return ::onnx::TensorProto::INT64;
    case DType::kBool:
      return ::onnx::TensorProto::BOOL;
  }
  return ::onnx::TensorProto::UNDEFINED;
}

}  // namespace qat::onnxio
