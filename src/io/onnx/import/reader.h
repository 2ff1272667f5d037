// From a decoded model file to a graph.
#pragma once

#include "io/onnx/model.h"
#include "ir/graph.h"

namespace qat::onnxio {

// Walks the nodes (table.cc), runs the rewriting passes (passes.cc), infers shapes and verifies. All operators, and
// uses of operators, that are not supported are listed in one Error(kBadFile).
ir::Graph import_model(const Model& model);

}  // namespace qat::onnxio
