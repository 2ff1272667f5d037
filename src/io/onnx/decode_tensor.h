// One TensorProto to a tensor; used by decode.cc only.
#pragma once

#include "io/onnx/external.h"
#include "io/onnx/model.h"
#include "io/onnx/proto.h"

namespace qat::onnxio {

// Takes the data out of `proto`, so that a file is never held twice. `name` is for messages.
std::variant<Tensor, Unreadable> decode_tensor(::onnx::TensorProto& proto, const std::string& name,
                                               ExternalData& external);

}  // namespace qat::onnxio
