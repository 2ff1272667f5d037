// A model file as protobuf's objects, under limits on size, depth and number of parts.
#pragma once

#include <filesystem>

#include "io/onnx/proto.h"

namespace qat::onnxio {

// Throws Error(kBadFile) for what is no model with a graph, Error(kIo) for what cannot be read.
::onnx::ModelProto parse(const std::filesystem::path& path);

}  // namespace qat::onnxio
