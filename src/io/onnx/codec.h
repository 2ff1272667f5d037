// Model files to and from plain data.
#pragma once

#include <filesystem>

#include "io/onnx/model.h"

namespace qat::onnxio {

// Reads, checks and decodes a file with its external data. Nodes come sorted. Throws Error(kBadFile) for anything
// broken: no protobuf, opset outside 7..25, sizes that do not match, cycles, missing inputs, values made twice.
Model decode(const std::filesystem::path& path);

// Reads the file, and looks at every tensor in it (initializers, attributes, subgraphs, functions) that names external
// data: its place is checked as `decode` would, its content is not read. Throws Error(kBadFile).
void check_external(const std::filesystem::path& path);

// Writes atomically; the same model gives the same bytes. Throws Error(kFailure) past protobuf's 2 GiB.
void encode(const std::filesystem::path& path, const Model& model);

}  // namespace qat::onnxio
