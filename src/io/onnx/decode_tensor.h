// One TensorProto to a tensor, and where its data lies.
#pragma once

#include "io/onnx/external.h"
#include "io/onnx/model.h"
#include "io/onnx/proto.h"

namespace qat::onnxio {

// Where the file says that the data is. Throws Error(kBadFile) for offsets and lengths that are no numbers.
ExternalData::Range external_range(const ::onnx::TensorProto& proto, const std::string& name);

// Takes the data out of `proto`, so that a file is never held twice. `name` is for messages.
std::variant<Tensor, Unreadable> decode_tensor(::onnx::TensorProto& proto, const std::string& name,
                                               ExternalData& external);

}  // namespace qat::onnxio
