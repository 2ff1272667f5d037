// Model files to and from plain data.
#pragma once

#include <filesystem>

#include "io/onnx/model.h"

namespace qat::onnxio {

// Reads, checks and decodes a file with its external data. Nodes come sorted. Throws Error(kBadFile) for anything
// broken: no protobuf, opset outside 7..25, sizes that do not match, cycles, missing inputs, values made twice.
Model decode(const std::filesystem::path& path);

// Writes atomically; the same model gives the same bytes. Throws Error(kFailure) past protobuf's 2 GiB.
void encode(const std::filesystem::path& path, const Model& model);

}  // namespace qat::onnxio
